"""From the bytes of a mail to what came back. Pure: no database, no clock, no keys, and no exception."""

from collections.abc import Callable
from dataclasses import replace

from delivery.returns.answers import read_answer
from delivery.returns.codes import one_line
from delivery.returns.feedback import read_feedback
from delivery.returns.kinds import ReturnClass, Returned
from delivery.returns.naming import names
from delivery.returns.odd import read_odd
from delivery.returns.parts import Parts, Unreadable, take_apart
from delivery.returns.status_report import read_status_report

# RFC 5321 section 4.5.3.1.3, and the sign between.
LONGEST_ADDRESS = 320
NOTHING = Returned(ReturnClass.UNKNOWN)

# In this order: a complaint quotes the mail that it is about, and a bounce often says that a machine wrote it.
READERS: tuple[Callable[[Parts], list[Returned]], ...] = (read_feedback, read_status_report, read_odd, read_answer)


def classify(raw: bytes) -> tuple[Returned, ...]:
    r"""What came back, one value for each recipient, and never none: what cannot be told is `unknown`.

    >>> classify(b"Subject: Out of office\n\nBack on Monday")[0].kind.value
    'auto_reply'
    """
    try:
        parts = take_apart(raw)
    except Unreadable as error:
        return (Returned(ReturnClass.UNKNOWN, reason=str(error), rule=str(error), names=names(raw[:100_000])),)
    found = next((found for reader in READERS if (found := reader(parts))), [])
    named = names(raw, parts)
    return tuple(replace(one, names=named, recipient=_plain(one.recipient)) for one in found or [NOTHING])


def _plain(recipient: str | None) -> str | None:
    """An address as it may be shown: whatever else a stranger wrote there."""
    return one_line(recipient)[:LONGEST_ADDRESS] or None if recipient else None
