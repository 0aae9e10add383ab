"""What sales sees and answers: leads with a clock, each accepted or rejected once, with a reason."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from contacts.models import Contact
from core import audit, clock
from core.errors import NotAllowed, NotFound, WrongInput
from core.permissions import Permission
from core.sentences import say
from core.users import Actor, User
from lead_handover.models import Handover, LeadState, SalesPerson
from lead_handover.rules import RejectReason

WAITING = (LeadState.OPEN, LeadState.ESCALATED)


def open_leads(session: Session, actor: Actor | None = None) -> Sequence[Any]:
    """Leads that wait for an answer, overdue ones first, then by the time until which they must be answered.

    Rows: id, contact_id, contact, points, state, created_at, due_at, given_to, mine, lines. `mine` is true for leads
    given to this actor.
    """
    if actor is not None:
        actor.require(Permission.SEE_LEADS)
    name = func.nullif(func.concat_ws(" ", Contact.first_name, Contact.last_name), "")
    mine = (User.id == actor.id) if actor else (User.id != User.id)
    return session.execute(
        select(
            Handover.id,
            Handover.contact_id,
            func.coalesce(name, Contact.number, "").label("contact"),
            Handover.points,
            Handover.state,
            Handover.created_at,
            Handover.due_at,
            User.email.label("given_to"),
            func.coalesce(mine, False).label("mine"),
            Handover.lines,
        )
        .outerjoin(Contact, Contact.id == Handover.contact_id)
        .outerjoin(SalesPerson, SalesPerson.id == Handover.sales_person_id)
        .outerjoin(User, User.id == SalesPerson.user_id)
        .where(Handover.state.in_(WAITING))
        .order_by(case((Handover.state == LeadState.ESCALATED, 0), else_=1), Handover.due_at, Handover.id)
    ).all()


_SAID = {LeadState.ACCEPTED: say("accepted"), LeadState.REJECTED: say("rejected")}


def accept(session: Session, handover_id: int, actor: Actor) -> None:
    """Sales takes the lead; anybody in sales may, so that a holiday stops nothing. NotAllowed when it was answered."""
    handover = _waiting_for(session, handover_id, actor)
    _answer(session, handover, actor, state=LeadState.ACCEPTED, reason=None)


def reject(session: Session, handover_id: int, reason: str, actor: Actor) -> None:
    """Sales turns the lead down, for a reason of the closed list; `not_now` lets it come back later."""
    if reason not in {known.value for known in RejectReason}:
        raise WrongInput(
            "reason_unknown",
            say("%(reason)s is no reason.", reason=repr(reason[:40])),
            say("Known: %(known)s.", known=", ".join(RejectReason)),
        )
    handover = _waiting_for(session, handover_id, actor)
    _answer(session, handover, actor, state=LeadState.REJECTED, reason=reason)


def _waiting_for(session: Session, handover_id: int, actor: Actor) -> Handover:
    actor.require(Permission.ANSWER_LEADS)
    handover = session.scalar(select(Handover).where(Handover.id == handover_id).with_for_update())
    if handover is None:
        raise NotFound(
            "lead_unknown",
            say("There is no lead %(number)s.", number=handover_id),
            say("See `crusoe leads list`."),
        )
    if handover.state not in WAITING:
        raise NotAllowed(
            "lead_answered",
            say(
                "Lead %(number)s was %(state)s by %(person)s already.",
                number=handover_id,
                state=_SAID.get(handover.state, handover.state),
                person=handover.answered_by,
            ),
            say("An answer stands; a new lead comes when the person shows new interest."),
        )
    return handover


def _answer(session: Session, handover: Handover, actor: Actor, *, state: LeadState, reason: str | None) -> None:
    was_late = handover.state is LeadState.ESCALATED
    handover.state, handover.reason = state, reason
    handover.answered_at, handover.answered_by = clock.now(), actor.email
    session.flush()
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action=f"lead.{'accept' if state is LeadState.ACCEPTED else 'reject'}",
        object_type="handover",
        object_id=handover.id,
        reason=reason,
        was_late=was_late,
    )
