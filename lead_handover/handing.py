"""From a score over the threshold to a lead that somebody has to answer. Once a person, and never against a no."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from contacts.models import Channel, Controller, Endpoint
from core import audit
from lead_handover.assignment import Seller, choose
from lead_handover.models import Handover, LeadState, SalesPerson
from lead_handover.outbox import announce
from lead_handover.rescoring import RulesInForce, Scored
from lead_handover.rules import RejectReason, ScoreRules
from lead_handover.scoring import Score, shown
from suppression import Question, assess

# What a person said, or what was decided about them, that sales must respect as marketing does.
NO = frozenset({"opted_out", "complaint", "internal_block", "deceased", "restricted", "minor", "erased"})


def hand_over(session: Session, scored: Sequence[Scored], *, current: RulesInForce, now: datetime) -> list[int]:
    """Make a lead of everybody who is over the threshold, not with sales already, and has not objected.

    Answers the ids of the new handovers. The messages that announce them are written in the same transaction.
    """
    rules = current.rules
    over = {one.contact_id: one for one in scored if one.score.reaches(rules)}
    for contact_id in _known_to_sales(session, over, rules=rules, now=now):
        del over[contact_id]
    if not over:
        return []
    welcome = _without_objection(session, list(over), purpose=rules.purpose)
    sellers = _sellers(session)
    made = [_open(session, over[contact_id], sellers, rules=rules, now=now) for contact_id in sorted(welcome)]
    return [handover_id for handover_id in made if handover_id is not None]


def may_come_back(last: Handover, score: Score, *, rules: ScoreRules, now: datetime) -> bool:
    """Whether somebody whom sales had may be handed over again: "not now", long enough ago, and something new."""
    return (
        last.state is LeadState.REJECTED
        and last.reason == RejectReason.NOT_NOW
        and last.answered_at is not None
        and last.answered_at + timedelta(days=rules.recycle_days) <= now
        and score.has_interest(since=last.answered_at)
    )


def _known_to_sales(session: Session, over: dict[int, Scored], *, rules: ScoreRules, now: datetime) -> list[int]:
    newest = (
        select(Handover)
        .where(Handover.contact_id.in_(over))
        .ext(distinct_on(Handover.contact_id))
        .order_by(Handover.contact_id, Handover.id.desc())
    )
    return [
        last.contact_id
        for last in session.scalars(newest)
        if not may_come_back(last, over[last.contact_id].score, rules=rules, now=now)
    ]


def _without_objection(session: Session, contact_ids: list[int], *, purpose: str) -> set[int]:
    """Contacts who have, for one controller at least, an address that nothing speaks against.

    The same assessment as at the gate. Without any controller nobody may be contacted, so nobody is handed over.
    """
    welcome: set[int] = set()
    for controller_id in session.scalars(select(Controller.id)).all():
        audience = select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id).where(
            Endpoint.contact_id.in_(contact_ids), Endpoint.channel == Channel.EMAIL
        )
        question = Question(channel=Channel.EMAIL, purpose=purpose, controller_id=controller_id)
        rows = assess(session, audience=audience, question=question).rows
        for row in session.execute(select(rows.c.contact_id, rows.c.reasons)):
            if not NO & set(row.reasons):
                welcome.add(row.contact_id)
    return welcome


def _sellers(session: Session) -> list[Seller]:
    """Everybody who takes leads now. Locked, so that two handovers at the same time do not choose the same turn."""
    people = session.execute(
        select(SalesPerson.id, SalesPerson.territory, SalesPerson.last_given_at)
        .where(SalesPerson.active)
        .order_by(SalesPerson.id)
        .with_for_update(skip_locked=True)
    )
    return [Seller(*row) for row in people]


def _open(session: Session, lead: Scored, sellers: list[Seller], *, rules: ScoreRules, now: datetime) -> int | None:
    seller = choose(sellers, lead.values)
    points, lines = round(lead.score.points, 2), shown(lead.score.lines)
    handover_id: int | None = session.scalar(
        insert(Handover)
        .values(
            contact_id=lead.contact_id,
            sales_person_id=seller.id if seller else None,
            state=LeadState.OPEN,
            points=points,
            lines=lines,
            created_at=now,
            due_at=now + timedelta(hours=rules.sla_hours),
        )
        .on_conflict_do_nothing()
        .returning(Handover.id)
    )
    if handover_id is None:
        return None
    if seller:
        _note_turn(session, sellers, seller)
    announce(session, handover_id=handover_id, what="handed_over", rules=rules, now=now)
    audit.record(
        session,
        actor="system",
        action="lead.hand_over",
        object_type="handover",
        object_id=handover_id,
        contact_id=lead.contact_id,
        sales_person_id=seller.id if seller else None,
        points=points,
    )
    return handover_id


def _note_turn(session: Session, sellers: list[Seller], seller: Seller) -> None:
    """The database's clock, because it never stands still within a transaction."""
    moment: Any = session.scalar(
        update(SalesPerson)
        .where(SalesPerson.id == seller.id)
        .values(last_given_at=func.clock_timestamp())
        .returning(SalesPerson.last_given_at)
    )
    sellers[sellers.index(seller)] = Seller(seller.id, seller.territory, moment)


def escalate(session: Session, *, rules: ScoreRules | None, now: datetime) -> list[int]:
    """Mark open leads whose answer is overdue, and tell about them. Answers their ids."""
    overdue = session.scalars(
        update(Handover)
        .where(Handover.state == LeadState.OPEN, Handover.due_at < now)
        .values(state=LeadState.ESCALATED)
        .returning(Handover.id)
    ).all()
    for handover_id in sorted(overdue):
        if rules is not None:
            announce(session, handover_id=handover_id, what="escalated", rules=rules, now=now)
        audit.record(session, actor="system", action="lead.escalate", object_type="handover", object_id=handover_id)
    return sorted(overdue)
