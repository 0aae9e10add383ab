"""A small domain that wants less mail: an operator of its own from then on, so that it rests alone."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from delivery.models import Run
from delivery.pace.moving import Move, a_label, move_ready
from delivery.pace.operators import OTHER, learn_operator


def move_to_its_own(session: Session, *, run_id: int, domain: str) -> int | None:
    """Make the domain an operator, and what this sender still has for it its messages. Answers the number.

    None when no more can be learned; then its mails wait one by one.
    """
    operator = learn_operator(session, domain=domain)
    if operator is None:
        return None
    sender_id = session.scalars(select(Run.sender_id).where(Run.id == run_id)).one()
    move_ready(session, [Move(a_label(domain), OTHER, operator)], sender_id=sender_id)
    return operator
