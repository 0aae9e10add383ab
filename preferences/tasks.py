"""Background work of the recipient's side."""

from datetime import timedelta

from sqlalchemy import delete, select, update

from contacts import MailSent, note_consent_step
from core import clock
from core.db import transaction
from core.tasks import job
from delivery.models import Message
from delivery.states import MessageState
from preferences.limits import PERIOD
from preferences.models import SignupRequest
from preferences.notices import CONFIRMATION_VERSION

BATCH = 200

_ENDED = (
    MessageState.SENT,
    MessageState.RESOLVED_SENT,
    MessageState.FAILED,
    MessageState.BLOCKED,
    MessageState.CANCELLED,
    MessageState.RESOLVED_UNSENT,
)
_WENT_OUT = frozenset({MessageState.SENT, MessageState.RESOLVED_SENT})


@job("preferences.note_mails", every=30, alone=True)
def note_mails() -> bool:
    """Add to each request's evidence when its mail was handed over and what the server answered."""
    with transaction() as session:
        rows = session.execute(
            select(SignupRequest, Message)
            .join(Message, Message.id == SignupRequest.message_id)
            .where(SignupRequest.mail_noted_at.is_(None), Message.state.in_(_ENDED))
            .order_by(SignupRequest.id)
            .limit(BATCH)
        ).all()
        for request, message in rows:
            at = message.done_at or message.handed_over_at or clock.now()
            if message.state in _WENT_OUT:
                evidence = MailSent(
                    message_id=message.id,
                    template_version=CONFIRMATION_VERSION,
                    smtp_response=f"{message.reply_code or ''} {message.reply_text or ''}".strip() or None,
                )
                note_consent_step(session, consent_id=request.consent_id, at=at, evidence=evidence)
            request.mail_noted_at = at
        return len(rows) == BATCH


@job("preferences.purge", every=3600, alone=True)
def purge() -> bool:
    """Forget who asked and never confirmed: the address and where it came from at once, the rest after thirty days.

    The bare row is kept so long because the limit on mails to one mailbox counts over that time.
    """
    now = clock.now()
    with transaction() as session:
        session.execute(
            update(SignupRequest)
            .where(SignupRequest.typed.is_not(None), SignupRequest.expires_at < now)
            .values(typed=None, ip=None)
        )
        session.execute(
            delete(SignupRequest).where(
                SignupRequest.confirmed_at.is_(None), SignupRequest.requested_at < now - PERIOD - timedelta(days=1)
            )
        )
    return False
