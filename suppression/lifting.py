"""How an entry stops to count: one person asks, for a reason, and another one agrees. Nobody can do it alone.

What a person told us about the own address (a click on unsubscribe, a complaint) is not ours to take back, however many
of us agree: only a later opt-in that this person confirms answers it, and that needs no lift. An open case is ended by
whoever opened it (see `suppression.cases`), because there the case is the fact, and no judgement of ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import audit
from core.db import after_commit
from core.errors import NotAllowed, NotFound
from core.permissions import Permission
from core.sentences import say
from core.users import Actor
from suppression import journal_gaps
from suppression.entries import own_word
from suppression.journal_lines import Lift, Said
from suppression.lift_models import LiftAnswer, LiftRequest
from suppression.models import Cause, SuppressionEntry, SuppressionLift


@dataclass(frozen=True)
class OpenRequest:
    """A request to lift an entry that nobody has answered yet."""

    id: int
    entry_id: int
    cause: str
    source: str
    asked_by: str
    at: datetime
    reason: str


def ask_to_lift(session: Session, *, entry_id: int, actor: Actor, reason: str) -> int:
    """Note that somebody wants an entry lifted, and why. Answers the number of the request; nothing changes yet."""
    actor.require(Permission.SEE_SUPPRESSION)
    entry = _held(session, entry_id)
    if own_word(cause=entry.cause, source=entry.source):
        raise NotAllowed(
            "own_word",
            say("The person said this, so nobody here can take it back."),
            say("A later opt-in that the person confirms answers it by itself."),
        )
    if entry.cause is Cause.CASE_OPEN:
        raise NotAllowed("case_ends_it", say("An open case ends with the case."), say("Close the case by its number."))
    if _open(session, entry_id=entry_id):
        raise NotAllowed("lift_asked", say("Somebody has asked for this already."), say("It waits for an answer."))
    request = session.execute(
        insert(LiftRequest)
        .values(entry_id=entry_id, asked_by=actor.email, reason=_given(reason))
        .returning(LiftRequest.id)
    ).scalar_one()
    _note(session, actor, "suppression.ask_lift", entry_id, reason, request=request)
    return request


def agree_to_lift(session: Session, *, request_id: int, actor: Actor, reason: str = "") -> int:
    """Let the entry of a request no longer count. Only somebody else than who asked can. Answers the entry."""
    request = _answerable(session, request_id, actor)
    _answer(session, request, actor, agreed=True, reason=reason)
    lift = {"asked_by": request.asked_by, "agreed_by": actor.email, "reason": request.reason}
    store_lifts(session, [{"entry_id": request.entry_id, **lift}])
    _note(
        session,
        actor,
        "suppression.lift",
        request.entry_id,
        request.reason,
        request=request.id,
        asked_by=request.asked_by,
    )
    return request.entry_id


def store_lifts(session: Session, lifts: Sequence[dict[str, Any]]) -> None:
    """Store lifts, whoever decided them, and write them into the journal. What is lifted already stays as it is."""
    made = insert(SuppressionLift).on_conflict_do_nothing().returning(SuppressionLift.entry_id)
    new = session.scalars(made, lifts).all()
    stored = session.execute(
        select(SuppressionEntry.reference, SuppressionLift.at, SuppressionLift.asked_by, SuppressionLift.agreed_by)
        .join(SuppressionLift, SuppressionLift.entry_id == SuppressionEntry.id)
        .where(SuppressionEntry.id.in_(new))
    )
    lines: list[Said] = [Lift(str(row.reference), row.at.isoformat(), row.asked_by, row.agreed_by) for row in stored]
    after_commit(session, lambda: journal_gaps.write(lines))


def refuse_to_lift(session: Session, *, request_id: int, actor: Actor, reason: str) -> int:
    """Answer a request with no: the entry counts as before. Who asked may take the request back this way."""
    request = _answerable(session, request_id, actor, own=True)
    _answer(session, request, actor, agreed=False, reason=_given(reason))
    _note(session, actor, "suppression.refuse_lift", request.entry_id, reason, request=request.id)
    return request.entry_id


def open_requests(session: Session, *, entry_ids: Sequence[int] | None = None) -> list[OpenRequest]:
    """Requests that wait for an answer, the oldest first; of all entries or of some."""
    query = (
        select(LiftRequest, SuppressionEntry.cause, SuppressionEntry.source)
        .join(SuppressionEntry, SuppressionEntry.id == LiftRequest.entry_id)
        .outerjoin(LiftAnswer, LiftAnswer.request_id == LiftRequest.id)
        .outerjoin(SuppressionLift, SuppressionLift.entry_id == LiftRequest.entry_id)
        .where(LiftAnswer.request_id.is_(None), SuppressionLift.entry_id.is_(None))
        .order_by(LiftRequest.id)
    )
    if entry_ids is not None:
        query = query.where(LiftRequest.entry_id.in_(entry_ids))
    return [
        OpenRequest(one.id, one.entry_id, cause.value, source, one.asked_by, one.at, one.reason)
        for one, cause, source in session.execute(query)
    ]


def _held(session: Session, entry_id: int) -> SuppressionEntry:
    """The entry, locked so that two people who act at once queue; one that was lifted already is refused."""
    entry = session.scalar(select(SuppressionEntry).where(SuppressionEntry.id == entry_id).with_for_update())
    if entry is None:
        raise NotFound("entry_unknown", say("There is no entry %(entry_id)s.", entry_id=entry_id))
    if session.get(SuppressionLift, entry_id) is not None:
        raise NotAllowed("entry_lifted", say("The entry %(entry_id)s is lifted already.", entry_id=entry_id))
    return entry


def _open(session: Session, *, entry_id: int) -> list[OpenRequest]:
    return open_requests(session, entry_ids=[entry_id])


def _answerable(session: Session, request_id: int, actor: Actor, *, own: bool = False) -> LiftRequest:
    request = session.get(LiftRequest, request_id)
    if request is None:
        raise NotFound("request_unknown", say("There is no request %(request_id)s.", request_id=request_id))
    mine = actor.email.lower() == request.asked_by.lower()
    if mine and not own:
        raise NotAllowed(
            "second_person_needed",
            say("Who asks for an entry to be lifted cannot agree to it."),
            say("Somebody else with the permission must."),
        )
    if not mine:
        actor.require(Permission.EDIT_SUPPRESSION)
    _held(session, request.entry_id)
    if session.get(LiftAnswer, request_id) is not None:
        raise NotAllowed(
            "request_answered", say("The request %(request_id)s is answered already.", request_id=request_id)
        )
    return request


def _answer(session: Session, request: LiftRequest, actor: Actor, *, agreed: bool, reason: str) -> None:
    session.execute(
        insert(LiftAnswer).values(request_id=request.id, agreed=agreed, answered_by=actor.email, reason=reason.strip())
    )


def _given(reason: str) -> str:
    if not reason.strip():
        raise NotAllowed("reason_missing", say("This needs a reason."), say("Say why."), where="reason")
    return reason.strip()[:1000]


def _note(session: Session, actor: Actor, action: str, entry_id: int, reason: str, **details: Any) -> None:
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action=action,
        object_type="suppression_entry",
        object_id=entry_id,
        reason=reason.strip() or None,
        **details,
    )
