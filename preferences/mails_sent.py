"""When the mail that asks for a confirmation was handed over, and what the server said: part of the proof."""

from datetime import datetime

from sqlalchemy.orm import Session

from contacts import note_consent_step
from core import clock
from delivery.models import Message
from delivery.states import MessageState
from preferences import evidence
from preferences.models import SignupRequest

ENDED = (
    MessageState.SENT,
    MessageState.RESOLVED_SENT,
    MessageState.FAILED,
    MessageState.BLOCKED,
    MessageState.CANCELLED,
    MessageState.RESOLVED_UNSENT,
)
_WENT_OUT = frozenset({MessageState.SENT, MessageState.RESOLVED_SENT})
# Nobody knew whether it arrived. Who follows its link knows.
_IN_DOUBT = frozenset({MessageState.UNKNOWN, MessageState.HANDING_OVER})


def note_mail(session: Session, request: SignupRequest, *, arrived: bool = False) -> None:
    """Add the mail of a request to its evidence, once. `arrived`: somebody followed the link in it."""
    message = session.get(Message, request.message_id) if request.message_id else None
    if message is None or request.mail_noted_at is not None:
        return
    in_doubt = arrived and message.state in _IN_DOUBT
    if message.state not in ENDED and not in_doubt:
        return
    at = message.done_at or message.handed_over_at or clock.now()
    if message.state in _WENT_OUT or in_doubt:
        sent = evidence.mail_sent(session, request, message)
        note_consent_step(session, consent_id=request.consent_id, at=at, evidence=sent)
    request.mail_noted_at = at
    session.flush()


def handed_over_at(session: Session, request: SignupRequest) -> datetime | None:
    """When the mail of a request left, if it did."""
    message = session.get(Message, request.message_id) if request.message_id else None
    return message.handed_over_at if message else None
