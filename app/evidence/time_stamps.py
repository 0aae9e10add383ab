"""Time stamps (RFC 3161) of anchors: a service elsewhere says when an anchor was there, and signs that.

Anchors show that nothing was changed since they were signed, but the key that signs them is ours. A time stamp of
somebody else leaves no way to sign an anchor of the past anew. What is stamped is the file of an anchor, so that
`openssl ts -verify -data 000012.json -in 000012.json.tsr -CAfile ROOT` checks it, too. A service that does not answer
keeps nothing from going on: it is asked again, and the audit log shows what it said.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.evidence.models import TimeStamp, TimeStampTrouble
from app.evidence.stamp_check import Stamped, check
from app.evidence.stamp_files import write_stamp
from core import audit
from core.db import after_commit, transaction
from core.errors import CrusoeError, NotReachable
from core.evidence_anchors import EvidenceAnchor, as_file, newest
from core.sentences import kept, recalled, say
from core.settings import settings

JOB = "app.stamp_anchors"

SECONDS = 15.0
# A stamp with its certificates has some thousand bytes.
LARGEST_ANSWER = 256 * 1024


@dataclass(frozen=True)
class Standing:
    """What the pages show. `anchor` is the newest one that was stamped; `trouble` what the service said last."""

    service: str | None
    stamped: int
    anchor: int | None
    at: datetime | None
    signer: str | None
    trouble: dict[str, Any] | None


def stamp_newest() -> bool:
    """Have the newest anchor stamped unless it is. Each names the one before, so the stamp covers all of them.

    Answers whether it is stamped now. It opens its transactions itself, so that none waits for the network.
    """
    url = settings().timestamp_url
    if url is None:
        return False
    with transaction() as session:
        last = newest(session)
        known = session.get(TimeStamp, last.seq) if last else None
    if last is None:
        return False
    if known is not None:
        # The process that stored it may have ended before it could write the file.
        write_stamp(last.seq, known.answer)
        return True
    try:
        answer, stamped = _asked(url, as_file(last))
    except CrusoeError as error:
        with transaction() as session:
            _note(session, last, error)
        return False
    with transaction() as session:
        _store(session, last, answer, stamped)
    return True


def standing(session: Session) -> Standing:
    """Where time stamps stand."""
    last = session.scalar(select(TimeStamp).order_by(TimeStamp.anchor.desc()).limit(1))
    # Trouble with an anchor is over when a later one was stamped.
    trouble = session.scalar(
        select(TimeStampTrouble)
        .where(TimeStampTrouble.anchor > (last.anchor if last else 0))
        .order_by(TimeStampTrouble.anchor.desc())
        .limit(1)
    )
    return Standing(
        service=settings().timestamp_url,
        stamped=session.scalar(select(func.count()).select_from(TimeStamp)) or 0,
        anchor=last.anchor if last else None,
        at=last.at if last else None,
        signer=last.signer if last else None,
        trouble=_told(trouble) if trouble else None,
    )


def _told(trouble: TimeStampTrouble) -> dict[str, Any]:
    said = {name: recalled(value) for name, value in trouble.error.items()}
    return {"anchor": trouble.anchor, "times": trouble.times, "last_at": trouble.last_at} | said


def _asked(url: str, content: bytes) -> tuple[bytes, Stamped]:
    """What the service answered, once all of it was checked; NotReachable otherwise."""
    import httpx2
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    request = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    try:
        answer = httpx2.post(url, content=request.as_bytes(), headers=headers, timeout=SECONDS, follow_redirects=False)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise _no_stamp(type(error).__name__) from error
    if answer.status_code != HTTPStatus.OK or len(answer.content) > LARGEST_ANSWER:
        raise _no_stamp(f"HTTP {answer.status_code}")
    try:
        return answer.content, check(content, answer.content, nonce=request.nonce)
    except ValueError as error:
        raise _no_stamp(str(error)) from error


def _no_stamp(said: str) -> NotReachable:
    return NotReachable(
        "no_time_stamp",
        say("The service for time stamps gave no usable answer: %(said)s.", said=said),
        say("It is asked again. Check CRUSOE_TIMESTAMP_URL, CRUSOE_TIMESTAMP_CA and the connection."),
    )


def _store(session: Session, anchor: EvidenceAnchor, answer: bytes, stamped: Stamped) -> None:
    row = {"anchor": anchor.seq, "at": stamped.at, "signer": stamped.signer, "answer": answer}
    # Two workers may have asked at once; the first answer stays.
    stored = session.scalar(insert(TimeStamp).values(row).on_conflict_do_nothing().returning(TimeStamp.anchor))
    session.execute(delete(TimeStampTrouble))
    if stored is None:
        return
    audit.record(
        session,
        actor="system",
        action="evidence.time_stamp",
        object_type="evidence_anchor",
        object_id=anchor.seq,
        at=stamped.at.isoformat(),
        signer=stamped.signer,
        certificate=stamped.certificate,
        sha256=sha256(answer).hexdigest(),
    )
    after_commit(session, lambda: write_stamp(anchor.seq, answer))


def _note(session: Session, anchor: EvidenceAnchor, error: CrusoeError) -> None:
    said = {name: kept(getattr(error, name)) for name in ("code", "message", "remedy", "where")}
    again = {"times": TimeStampTrouble.times + 1, "last_at": func.now(), "error": said}
    row = insert(TimeStampTrouble).values(anchor=anchor.seq, error=said)
    session.execute(row.on_conflict_do_update(index_elements=["anchor"], set_=again))
