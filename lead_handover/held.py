"""What this stage holds about a person, for whoever asks to see or take along what is held (Art. 15 GDPR)."""

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core import clock
from core.users import User
from lead_handover.models import Handover, LeadState, SalesPerson, Score


def score_held(session: Session, contact_id: int) -> dict[str, Any]:
    """The score with the lines that it is made of, each in words."""
    found = session.get(Score, contact_id)
    if found is None:
        return {}
    return {"points": found.points, "computed_at": found.computed_at, "lines": found.lines, "rules": found.model_id}


def leads_held(session: Session, contact_id: int) -> list[dict[str, Any]]:
    """When the person was given to sales, to whom, with which score, and what they said."""
    rows = session.execute(
        select(Handover, User.name)
        .outerjoin(SalesPerson, SalesPerson.id == Handover.sales_person_id)
        .outerjoin(User, User.id == SalesPerson.user_id)
        .where(Handover.contact_id == contact_id)
        .order_by(Handover.id)
    )
    return [
        {
            "at": row.Handover.created_at,
            "given_to": row.name,
            "points": row.Handover.points,
            "lines": row.Handover.lines,
            "state": row.Handover.state.value,
            "answered_at": row.Handover.answered_at,
            "reason": row.Handover.reason,
        }
        for row in rows
    ]


def forget_leads(session: Session, contact_id: int) -> int:
    """Take everything about a person out of the leads and close those that wait; answers how many leads that are.

    What is left is that somebody was given to sales on that day: numbers that name nobody.
    """
    session.execute(delete(Score).where(Score.contact_id == contact_id))
    waiting = Handover.state.in_((LeadState.OPEN, LeadState.ESCALATED))
    session.execute(
        update(Handover)
        .where(Handover.contact_id == contact_id, waiting)
        .values(state=LeadState.REJECTED, answered_at=clock.now(), answered_by="system")
    )
    blank = update(Handover).where(Handover.contact_id == contact_id).values(lines=[], points=0, reason=None)
    return len(session.scalars(blank.returning(Handover.id)).all())
