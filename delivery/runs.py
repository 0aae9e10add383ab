"""Runs: opened, paused, resumed, stopped, finished, and counted."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from contacts.models import TrackingLevel
from core import clock
from core.errors import NotAllowed, NotFound
from core.sentences import say
from core.tasks import ring
from delivery.models import Message, Run
from delivery.pace.operators import ensure_operators
from delivery.states import MessageState, RunKind, RunState
from templates import Compiled
from tracking import store_links

SEND = "delivery.send"
TIDY = "delivery.tidy"

_SAID = {
    RunState.OPEN: say("open"),
    RunState.PAUSED: say("paused"),
    RunState.STOPPED: say("stopped"),
    RunState.DONE: say("done"),
}
_ENDED = {
    MessageState.SENT: "sent",
    MessageState.RESOLVED_SENT: "sent",
    MessageState.FAILED: "failed",
    MessageState.RESOLVED_UNSENT: "failed",
    MessageState.UNKNOWN: "unknown",
    MessageState.HELD: "held",
    MessageState.BLOCKED: "blocked",
    MessageState.CANCELLED: "cancelled",
}


def open_run(
    session: Session,
    *,
    name: str,
    sender_id: int,
    purpose: str,
    tracking: TrackingLevel,
    compiled: Compiled,
    topic: str | None = None,
    windows: Mapping[str, Any] | None = None,
) -> int:
    """Open a run of a campaign with its frozen wording; its audience is written down by `plan`. Answers its id."""
    ensure_operators(session)
    run = Run(kind=RunKind.CAMPAIGN, name=name, sender_id=sender_id, purpose=purpose, topic=topic, tracking=tracking)
    run.windows = dict(windows) if windows else None
    return _open(session, run, compiled=compiled)


def standing_run(session: Session, *, name: str, sender_id: int, compiled: Compiled) -> int:
    """The run that carries single answers of one kind, such as `double_opt_in`; made when there is none.

    A new wording begins a new run; the old one ends when its last message has. After an ambiguous ending an answer is
    tried once more, because nobody would otherwise understand why it never came.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"standing_run:{name}"})
    standing = (Run.kind == RunKind.TRANSACTIONAL, Run.name == name, Run.planned_at.is_(None))
    current = session.scalar(
        select(Run.id).where(*standing, Run.sender_id == sender_id, Run.content_sha256 == compiled.digest)
    )
    if current is not None:
        return current
    session.execute(update(Run).where(*standing).values(planned_at=clock.now()))
    run = Run(
        kind=RunKind.TRANSACTIONAL,
        name=name,
        sender_id=sender_id,
        purpose="transactional",
        tracking=TrackingLevel.NONE,
        retry_unknown=True,
    )
    return _open(session, run, compiled=compiled)


def _open(session: Session, run: Run, *, compiled: Compiled) -> int:
    """Freeze the wording and where its links lead."""
    run.content, run.content_sha256 = compiled.to_document(), compiled.digest
    run.state = RunState.OPEN
    session.add(run)
    session.flush()
    store_links(session, run.id, compiled.links)
    return run.id


def lock_state(session: Session, *, run_id: int, shared: bool) -> None:
    """Order changes of a run's state against gates: a gate shares the lock, a change has it alone.

    Not a row lock, because every planned message holds one on its run and a pause must not wait for a plan.
    """
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    session.execute(text(f"SELECT {function}(hashtext('run'), :run)"), {"run": run_id})


def pause_run(session: Session, *, run_id: int, reason: str) -> None:
    """Let nothing of this run pass the gate until it is resumed."""
    _change(session, run_id, before=(RunState.OPEN,), after=RunState.PAUSED, reason=reason)


def resume_run(session: Session, *, run_id: int) -> None:
    """Go on where it stopped."""
    _change(session, run_id, before=(RunState.PAUSED,), after=RunState.OPEN, reason=None)
    ring(session, SEND, times=2)


def stop_run(session: Session, *, run_id: int, reason: str) -> None:
    """End a run for good. What was not handed over is cancelled, by the background work when there is much of it."""
    _change(session, run_id, before=(RunState.OPEN, RunState.PAUSED), after=RunState.STOPPED, reason=reason)
    ring(session, TIDY)


def _change(
    session: Session, run_id: int, *, before: tuple[RunState, ...], after: RunState, reason: str | None
) -> None:
    lock_state(session, run_id=run_id, shared=False)
    run = session.get(Run, run_id, populate_existing=True)
    if run is None:
        raise NotFound("run_unknown", say("There is no run %(run_id)s.", run_id=run_id))
    if run.state is after:
        return
    if run.state not in before:
        raise NotAllowed(
            "run_state",
            say(
                "Run %(name)s is %(state)s; it cannot become %(to)s.",
                name=run.name,
                state=_SAID[run.state],
                to=_SAID[after],
            ),
        )
    run.state, run.state_reason = after, reason
    session.flush()


# Held messages whose every reason compliance released; the newest decision about a message counts.
_RELEASE = """
    UPDATE message AS m SET state = 'ready', not_before = clock_timestamp(), done_at = NULL
    FROM (
        SELECT DISTINCT ON (d.message_id) d.message_id, d.reasons
        FROM decision AS d JOIN message AS held ON held.id = d.message_id
        WHERE held.run_id = :run AND held.state = 'held' ORDER BY d.message_id, d.id DESC
    ) AS newest
    WHERE m.id = newest.message_id AND m.state = 'held' AND newest.reasons <@ :released
"""


def release_holds(session: Session, *, run_id: int, code: str) -> int:
    """Let holds with this reason pass; answers how many messages are ready again.

    The gate decides about each of them once more: the release answers one reason and no other.
    """
    lock_state(session, run_id=run_id, shared=False)
    run = session.get_one(Run, run_id, populate_existing=True)
    if run.state is RunState.STOPPED:
        raise NotAllowed("run_state", say("Run %(name)s was stopped.", name=run.name))
    run.released = sorted({*run.released, code})
    session.flush()
    passed = [*run.released, *(f"{each}:released" for each in run.released)]
    moved = session.execute(text(_RELEASE), {"run": run_id, "released": passed}).rowcount  # type: ignore[attr-defined]
    if moved and run.state is RunState.DONE:
        run.state, run.finished_at = RunState.OPEN, None
        session.flush()
    ring(session, SEND, times=2)
    return int(moved)


def report(session: Session, *, run_id: int) -> dict[str, int]:
    """Every message of a run once: `audience` is the sum of all others.

    `deferred`: put off by a server at least once and waiting for the next try; `in_flight`: not tried yet or being
    handed over just now.
    """
    run = session.get(Run, run_id)
    if run is None:
        raise NotFound("run_unknown", say("There is no run %(run_id)s.", run_id=run_id))
    numbers: Counter[str] = Counter()
    put_off = (Message.state == MessageState.READY) & (Message.attempts > 0)
    query = select(Message.state, put_off.label("put_off"), func.count().label("messages"))
    for row in session.execute(query.where(Message.run_id == run_id).group_by("state", "put_off")):
        numbers["deferred" if row.put_off else _ENDED.get(row.state, "in_flight")] += row.messages
    names = ("sent", "deferred", "failed", "unknown", "held", "blocked", "cancelled", "in_flight")
    counts = {name: numbers[name] for name in names}
    # Single answers are not counted on the run: that would make every sign-up wait for the one before.
    audience = run.audience if run.kind is RunKind.CAMPAIGN else sum(counts.values())
    return {"audience": audience} | counts


def finish_if_done(session: Session, *, run_id: int) -> bool:
    """Close a run whose end states add up to its audience; answers whether it is closed."""
    run = session.get_one(Run, run_id, populate_existing=True)
    if run.state is RunState.DONE:
        return True
    if run.planned_at is None or run.state is RunState.PAUSED or _is_moving(session, run_id):
        return False
    counts: dict[str, Any] = report(session, run_id=run_id)
    ended = sum(counts[name] for name in set(_ENDED.values()))
    if ended != counts["audience"]:
        return False
    if run.state is RunState.OPEN:
        run.state = RunState.DONE
    run.finished_at = run.finished_at or clock.now()
    session.flush()
    return True


def _is_moving(session: Session, run_id: int) -> bool:
    """Whether anything is under way; asked first, because counting a million rows every two seconds is waste."""
    moving = select(Message.id).where(Message.run_id == run_id, Message.state == MessageState.READY)
    leased = select(Message.id).where(
        Message.state.in_([MessageState.CLAIMED, MessageState.HANDING_OVER]), Message.run_id == run_id
    )
    return bool(session.scalar(select(moving.exists() | leased.exists())))
