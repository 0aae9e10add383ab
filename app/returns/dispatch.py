"""One mail that came in: read by another process, then an opt-out by mail or something that came back."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from functools import cache
from hashlib import sha256

from core.db import transaction
from delivery import Reader, Reading, ReturnClass, opt_out_token, take_in
from delivery.models import Way
from preferences import stop_by_mail

# Where servers on the way note whom a mail was for; in a mailbox nothing else says it.
_ADDRESSED = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
LARGEST_HEAD = 65_536


@dataclass(frozen=True)
class Taken:
    """What became of a mail. `opted_out`: somebody wrote to unsubscribe, and it holds."""

    sha256: str
    opted_out: bool = False
    known: bool = False
    message_id: int | None = None
    classes: tuple[ReturnClass, ...] = ()
    fault: str | None = None
    suppressed: int = 0


@cache
def reader() -> Reader:
    """The reader of this process."""
    return Reader()


def take(raw: bytes, *, way: Way, envelope: Sequence[str] = ()) -> Taken:
    """Take one mail in and commit; only then may whoever brought it be told so. Twice the same mail is once.

    `envelope`: whom it was addressed to, where the way in knows; else its headers are believed, which only a seal of
    ours makes true. Opens its own transactions, because an opt-out waits for what is on its way.
    """
    reading = reader().read(raw)
    addressed = list(envelope) or addressed_to(raw)
    token = next((token for one in addressed if (token := opt_out_token(one))), None)
    if token is not None and _is_letter(reading) and stop_by_mail(token=token):
        return Taken(sha256(raw).hexdigest(), opted_out=True)
    with transaction() as session:
        found = take_in(session, raw=raw, reading=reading, way=way, envelope=addressed)
    return Taken(found.sha256, False, found.known, found.message_id, found.classes, found.fault, found.suppressed)


def addressed_to(raw: bytes) -> list[str]:
    """The addresses in the headers that say whom the mail was for."""
    head, _, _ = raw[:LARGEST_HEAD].replace(b"\r\n", b"\n").partition(b"\n\n")
    message = BytesHeaderParser().parsebytes(head)
    values = [str(value) for name in _ADDRESSED for value in message.get_all(name, [])]
    return [address for _, address in getaddresses(values) if address]


def _is_letter(reading: Reading) -> bool:
    """Whether a person may have sent it: reports and answers of machines ask for nothing (RFC 3834, section 2)."""
    return all(one.action is None and one.kind is ReturnClass.UNKNOWN for one in reading.returned)
