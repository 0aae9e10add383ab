"""Background work of the recipient's side."""

from datetime import timedelta

from sqlalchemy import delete, select, text, update

from contacts import forget_proofs
from core import clock
from core.db import transaction
from core.tasks import job
from delivery.models import Message
from preferences.limits import FORGOTTEN_AFTER, PERIOD
from preferences.mails_sent import ENDED, note_mail
from preferences.models import SignupMail, SignupRequest

BATCH = 200
# The limit for one place looks back an hour; afterwards nobody needs to know where somebody was.
IP_KEPT = timedelta(days=1)


@job("preferences.note_mails", every=30, alone=True)
def note_mails() -> bool:
    """Add to each request's evidence when its mail was handed over and what the server answered."""
    with transaction() as session:
        requests = session.scalars(
            select(SignupRequest)
            .join(Message, Message.id == SignupRequest.message_id)
            .where(SignupRequest.mail_noted_at.is_(None), Message.state.in_(ENDED))
            .order_by(SignupRequest.id)
            .limit(BATCH)
            .with_for_update(of=SignupRequest, skip_locked=True)
        ).all()
        for request in requests:
            note_mail(session, request)
        return len(requests) == BATCH


# Counted and removed in one statement, so that what is counted is what is gone.
_FORGET = """
    WITH gone AS (
        DELETE FROM signup_request WHERE confirmed_at IS NULL AND requested_at < :before
        RETURNING form_id, CAST(requested_at AS date) AS day
    )
    INSERT INTO signup_count (form_id, day, unconfirmed) SELECT form_id, day, count(*) FROM gone GROUP BY form_id, day
    ON CONFLICT (form_id, day) DO UPDATE SET unconfirmed = signup_count.unconfirmed + excluded.unconfirmed
"""


@job("preferences.purge", every=3600, alone=True)
def purge() -> bool:
    """Forget who asked and never confirmed: the address when the link expires, everything after fourteen days.

    What is left is a number per form and day, and steps of a consent that name nobody. That a mailbox was written to
    is known as a keyed hash for as long as the limit counts it.
    """
    now = clock.now()
    with transaction() as session:
        expired = SignupRequest.typed.is_not(None) & (SignupRequest.expires_at < now)
        session.execute(update(SignupRequest).where(expired).values(typed=None))
        known = SignupRequest.ip.is_not(None) & (SignupRequest.requested_at < now - IP_KEPT)
        session.execute(update(SignupRequest).where(known).values(ip=None))
        session.execute(text(_FORGET), {"before": now - FORGOTTEN_AFTER})
        session.execute(delete(SignupMail).where(SignupMail.asked_at < now - PERIOD))
        forget_proofs(session, now=now)
    return False
