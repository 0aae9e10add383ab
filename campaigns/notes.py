"""What delivery has to say about a campaign, in sentences."""

from collections.abc import Callable, Mapping
from datetime import datetime

from flask_babel import format_datetime
from sqlalchemy.orm import Session

from core.sentences import Sentence, say
from delivery import (
    Halted,
    InDoubt,
    Note,
    OperatorRests,
    PutOff,
    Refused,
    ServerAway,
    TooLate,
    UsedUp,
    WindowClosed,
    notes,
)

Clock = Callable[[datetime], str]


def iso(at: datetime) -> str:
    """A moment for programs, to the second."""
    return at.isoformat(timespec="seconds")


def local(at: datetime) -> str:
    """A moment for readers of pages; to the second, because some pauses are short."""
    return str(format_datetime(at, "medium"))


def sentences(session: Session, *, run_id: int, numbers: Mapping[str, int], clock: Clock = iso) -> list[Sentence]:
    """One sentence for everything that a person should know besides the numbers."""
    return [_sentence(note, clock) for note in notes(session, run_id=run_id, numbers=numbers)]


def _sentence(note: Note, clock: Clock) -> Sentence:
    match note:
        case OperatorRests() | WindowClosed() | TooLate() | UsedUp():
            return _why_it_waits(note, clock)
        case Halted():
            return say("Nothing is sent: %(reason)s", reason=note.reason)
        case ServerAway():
            return say(
                "The mail server takes nothing since %(since)s (%(said)s). Next try at %(next)s; nothing is lost.",
                since=clock(note.since),
                said=note.said,
                next=clock(note.next_try),
            )
        case PutOff():
            return say(
                "Put off by the mail server: %(count)s, most often with “%(answer)s”. Next try at %(next)s.",
                count=note.messages,
                answer=note.answer,
                next=clock(note.next_try),
            )
        case Refused():
            return say(
                "Refused for good: %(count)s, most often with “%(answer)s”.", count=note.messages, answer=note.answer
            )
        case InDoubt():
            return say(
                "In doubt: %(count)s, most often because of “%(reason)s”. The mail server may have taken them, so they"
                " are not sent again.",
                count=note.messages,
                reason=note.reason,
            )


def _why_it_waits(note: OperatorRests | WindowClosed | TooLate | UsedUp, clock: Clock) -> Sentence:
    match note:
        case OperatorRests():
            return say(
                "%(operator)s wants less mail from us (%(said)s): %(count)s wait until %(until)s, all others go on.",
                operator=note.operator,
                said=note.said,
                count=note.messages,
                until=clock(note.until),
            )
        case WindowClosed():
            if note.opens is None:
                return say("The last window for sending is over; what is left ends.")
            return say("It waits for its window for sending; the next one opens at %(next)s.", next=clock(note.opens))
        case UsedUp():
            return say(
                "The limit of %(whom)s is used up: %(count)s wait until %(until)s.",
                whom=note.operator or say("the sender"),
                count=note.messages,
                until=clock(note.until),
            )
        case TooLate():
            return say("Too late for the last window for sending, and ended: %(count)s.", count=note.messages)
