"""Taking in one mail that was read: kept by its digest, believed or not, and what follows from it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from contacts import NewProof, find_address, keep_proofs
from core import clock
from core.errors import WrongInput
from delivery.returns.belief import About, about, proven
from delivery.returns.effects import follow
from delivery.returns.kinds import ReturnClass, Returned
from delivery.returns.models import ReturnedMail, ReturnedRow, Way
from delivery.returns.parts import LARGEST
from delivery.returns.reading import Reading

# Raw bounces: half a year to look into why mail was refused; a month for what nobody can tie to a message.
ORIGINAL_KEPT = timedelta(days=180)
UNBELIEVED_KEPT = timedelta(days=30)

_ADDRESS = re.compile(r"[^\s<>\"':;,()\[\]]{1,64}@[^\s<>\"':;,()\[\]]{1,255}")


@dataclass(frozen=True)
class TakenIn:
    """What became of a mail. `known`: the very same mail was taken in before, and nothing was done."""

    sha256: str
    known: bool
    message_id: int | None
    classes: tuple[ReturnClass, ...]
    fault: str | None
    suppressed: int = 0

    @property
    def believed(self) -> bool:
        """Whether it proved to be about a message of ours."""
        return self.message_id is not None


def original_subject(mail_id: int) -> str:
    """What the original is kept under."""
    return f"returned:{mail_id}"


def take_in(session: Session, *, raw: bytes, reading: Reading, way: Way, envelope: Sequence[str] = ()) -> TakenIn:
    """Store the mail and do what follows from it, in the caller's transaction; twice the same mail is once.

    `envelope`: whom the mail was addressed to on its way in, where that is known. It is the best proof there is.
    """
    digest = sha256(raw).digest()
    named = reading.returned[0].names if reading.returned else ()
    message_id = proven([*envelope, *named])
    kinds = tuple(one.kind for one in reading.returned)
    mail_id = session.scalar(
        upsert(ReturnedMail)
        .values(sha256=digest, way=way, size=len(raw), fault=reading.fault, message_id=message_id)
        .on_conflict_do_nothing()
        .returning(ReturnedMail.id)
    )
    if mail_id is None:
        return TakenIn(digest.hex(), True, message_id, kinds, reading.fault)
    _keep(session, mail_id, raw, believed=message_id is not None)
    subject = about(session, message_id) if message_id is not None else None
    matching = [_matches(session, one, subject) for one in reading.returned]
    session.execute(
        insert(ReturnedRow),
        [_row(mail_id, one, subject, matches=matches) for one, matches in zip(reading.returned, matching, strict=True)],
    )
    suppressed = 0
    if subject is not None and message_id is not None:
        suppressed = follow(session, subject, list(zip(reading.returned, matching, strict=True)), digest=digest.hex())
    return TakenIn(digest.hex(), False, message_id, kinds, reading.fault, suppressed)


def _keep(session: Session, mail_id: int, raw: bytes, *, believed: bool) -> None:
    until = clock.now() + (ORIGINAL_KEPT if believed else UNBELIEVED_KEPT)
    # What is larger than anything that is read is kept by its beginning.
    keep_proofs(session, [NewProof(raw[:LARGEST], original_subject(mail_id), until, {"kind": "returned"})])


def _matches(session: Session, one: Returned, subject: About | None) -> bool:
    """Whether this is about the recipient of our message, who is the only one that it had.

    A forwarded mail may fail at an address that is not ours to judge. Complaints count whomever they name: providers
    black the recipient out or write another, and the mail that they are about was to this one.
    """
    if subject is None:
        return False
    if one.recipient is None or one.kind is ReturnClass.COMPLAINT:
        return True
    try:
        return find_address(session, one.recipient) == subject.address_id
    except WrongInput:
        return False


def _row(mail_id: int, one: Returned, subject: About | None, *, matches: bool) -> dict[str, object]:
    return {
        "mail_id": mail_id,
        "address_id": subject.address_id if subject and matches else None,
        "matches": matches,
        "kind": one.kind,
        "action": one.action,
        "status": one.status,
        "reply_code": one.reply_code,
        "rule": one.rule,
        "reason": _ADDRESS.sub("…", one.reason).replace("\x00", "") if one.reason else None,
    }
