"""Messages of which nobody knows whether they arrived: how many there are, and sending them once more if somebody says.

By itself nothing of a campaign is sent twice. Evidence ends the doubt (see `delivery.returns.resolving`); what stays
may be tried once more when a person decides that a mail too many is better than one too few.
"""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import audit
from core.errors import NotAllowed, NotFound
from core.sentences import say
from core.tasks import ring
from delivery.models import Message, Run
from delivery.runs import TIDY, lock_state
from delivery.states import MessageState, RunState

# Tried before, ended in doubt, and may be tried once more; a second doubt is the last.
MOST_ATTEMPTS = 2


@dataclass(frozen=True)
class Doubt:
    """A run with messages in doubt. `left`: how many of them may still be sent once more."""

    run_id: int
    run: str
    state: RunState
    messages: int
    left: int
    once_more: bool


def doubts(session: Session) -> list[Doubt]:
    """The runs that have any, the youngest first."""
    left = func.count().filter(Message.attempts < MOST_ATTEMPTS)
    counted = (
        select(Message.run_id, func.count().label("messages"), left.label("left"))
        .where(Message.state == MessageState.UNKNOWN)
        .group_by(Message.run_id)
        .subquery()
    )
    rows = session.execute(select(Run, counted).join(counted, counted.c.run_id == Run.id).order_by(Run.id.desc()))
    return [
        Doubt(row.Run.id, row.Run.name, row.Run.state, row.messages, row.left, row.Run.retry_unknown) for row in rows
    ]


def send_once_more(session: Session, *, run_id: int, actor: str, user_id: int | None = None) -> int:
    """Let what is in doubt be sent a second time, now and for the rest of this run; answers how many that are now.

    Every gate is asked again. Whoever did get the first mail gets it twice: with the same Message-ID.
    """
    lock_state(session, run_id=run_id, shared=False)
    run = session.get(Run, run_id, populate_existing=True)
    if run is None:
        raise NotFound("run_unknown", say("There is no run %(run_id)s.", run_id=run_id))
    if run.state in {RunState.STOPPED, RunState.PAUSED}:
        raise NotAllowed(
            "run_state",
            say("Run %(name)s is paused or stopped; nothing of it is sent.", name=run.name),
            say("Resume it first, if that is meant."),
        )
    waiting = select(func.count()).where(
        Message.run_id == run_id, Message.state == MessageState.UNKNOWN, Message.attempts < MOST_ATTEMPTS
    )
    found = session.scalar(waiting) or 0
    run.retry_unknown = True
    if found and run.state is RunState.DONE:
        run.state, run.finished_at = RunState.OPEN, None
    session.flush()
    audit.record(
        session,
        actor=actor,
        user_id=user_id,
        action="run.send_once_more",
        object_type="run",
        object_id=run.name,
        messages=found,
    )
    ring(session, TIDY)
    return found
