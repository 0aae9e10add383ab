"""What is left of sign-ups when a person is erased."""

from collections.abc import Collection

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from contacts import forget_subjects
from preferences.evidence import request_subject
from preferences.models import SignupRequest


def forget_requests(session: Session, address_ids: Collection[int]) -> int:
    """Remove requests that nobody confirmed with all that they kept, and what says who asked from the others.

    Answers how many requests were removed. Of confirmed ones the proof stays (Art. 17(3)(e) GDPR), and nothing else.
    """
    open_ones = select(SignupRequest.id, SignupRequest.message_id).where(
        SignupRequest.address_id.in_(address_ids), SignupRequest.confirmed_at.is_(None)
    )
    found = session.execute(open_ones).all()
    mails = {f"message:{row.message_id}" for row in found if row.message_id}
    forget_subjects(session, mails | {request_subject(row.id) for row in found})
    session.execute(delete(SignupRequest).where(SignupRequest.id.in_([row.id for row in found])))
    theirs = update(SignupRequest).where(SignupRequest.address_id.in_(address_ids))
    session.execute(theirs.values(typed=None, ip=None))
    return len(found)
