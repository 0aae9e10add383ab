"""Writing an audience down: one row for each recipient, with the decision about it, in chunks that can be repeated."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Select,
    SmallInteger,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    select,
    table,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contacts.models import Endpoint
from core import clock
from core.errors import NotAllowed, NotFound
from core.sentences import say
from delivery.models import Message, Run, Sender
from delivery.pace.models import OperatorDomain
from delivery.pace.operators import OTHER
from delivery.pace.planned import note_shares
from delivery.pace.windows import read_windows
from delivery.pace.zones import Placed, placed
from delivery.states import RunState
from suppression import Assessment, Question, Stage, assess, record_decisions

FIRST_STEP = 1_000
MOST_GROWTH = 10
CHUNK = 50_000


@dataclass(frozen=True)
class Planned:
    """What one call did: how many rows it wrote, and whether the whole audience is on record."""

    done: bool
    rows: int


def plan(session: Session, *, run_id: int, audience: Select[*tuple[Any, ...]], limit: int = CHUNK) -> Planned:
    """Write the next chunk of about `limit` recipients of `audience` (contact_id, endpoint_id, address_id).

    Call it again, each time in a transaction of its own, until it is done; what stands there already is left alone. The
    first chunk is small, so that the first mail leaves at once. Chunks are ranges of endpoint ids and never a LIMIT,
    for which PostgreSQL chooses plans that read the whole audience each time.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('plan'), :run)"), {"run": run_id})
    found = session.execute(
        select(Run, Sender.controller_id)
        .join(Sender, Sender.id == Run.sender_id)
        .where(Run.id == run_id)
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise NotFound("run_unknown", say("There is no run %(run_id)s.", run_id=run_id))
    run, controller_id = found
    if run.planned_at is not None or run.state is RunState.STOPPED:
        return Planned(done=True, rows=0)
    newest = session.scalar(select(func.coalesce(func.max(Endpoint.id), 0))) or 0
    up_to = min(newest, run.planned_up_to + _step(run, limit=limit))
    rows = _write(session, run=run, controller_id=controller_id, audience=audience, up_to=up_to)
    _note(session, run_id=run_id, up_to=up_to, rows=rows, done=up_to >= newest)
    return Planned(done=up_to >= newest, rows=rows)


def _note(session: Session, *, run_id: int, up_to: int, rows: int, done: bool) -> None:
    """Write the progress down, last, so that a pause waits for this row only for a moment.

    A run that was stopped meanwhile gets no more rows: nobody would cancel them.
    """
    noted = session.scalar(
        update(Run)
        .where(Run.id == run_id, Run.state != RunState.STOPPED)
        .values(planned_up_to=up_to, audience=Run.audience + rows, planned_at=clock.now() if done else None)
        .returning(Run.id)
        .execution_options(synchronize_session=False)
    )
    if noted is None:
        raise NotAllowed(
            "run_stopped", say("Run %(run_id)s was stopped while its audience was written down.", run_id=run_id)
        )


def _step(run: Run, *, limit: int) -> int:
    """How many endpoint ids the next chunk spans, from how dense the audience has been so far."""
    if run.planned_up_to == 0:
        return min(limit, FIRST_STEP)
    growth = run.planned_up_to * MOST_GROWTH
    if run.audience == 0:
        return growth
    return max(1, min(growth, limit * run.planned_up_to // run.audience))


def _write(session: Session, *, run: Run, controller_id: int, audience: Select[*tuple[Any, ...]], up_to: int) -> int:
    whole = audience.subquery("audience")
    chunk = select(whole.c.contact_id, whole.c.endpoint_id, whole.c.address_id).where(
        whole.c.endpoint_id > run.planned_up_to, whole.c.endpoint_id <= up_to
    )
    question = Question(channel="email", purpose=run.purpose, controller_id=controller_id, topic=run.topic)
    assessment = assess(session, audience=chunk, question=question)
    rows = _insert(session, run=run, assessment=assessment, up_to=up_to)
    if rows:
        note_shares(session, run_id=run.id)
        record_decisions(
            session, assessment, stage=Stage.PLAN, messages=select(_WRITTEN.c.message_id, _WRITTEN.c.address_id)
        )
    return rows


# What a chunk wrote. Looking for it in the ledger would mean to read the run from its beginning for every chunk.
_KEPT = (("message_id", "bigint"), ("address_id", "bigint"), ("operator", "smallint"), ("zone", "smallint"))
_WRITTEN = table("written_messages", *(column(name, BigInteger) for name, _ in _KEPT))
_MAKE_WRITTEN = f"""
    DROP TABLE IF EXISTS pg_temp.written_messages;
    CREATE TEMP TABLE written_messages ({", ".join(map(" ".join, _KEPT))}) ON COMMIT DROP
"""


def _with_operators(assessment: Assessment, *, after: int, up_to: int) -> Any:
    """The chunk with whose mailboxes they are. It names its range, so that no more of the endpoints is read."""
    same = and_(Endpoint.id == assessment.rows.c.endpoint_id, Endpoint.id > after, Endpoint.id <= up_to)
    domain = func.lower(func.split_part(Endpoint.value, "@", -1))
    return assessment.rows.outerjoin(Endpoint, same).outerjoin(OperatorDomain, OperatorDomain.domain == domain)


def _place(session: Session, run: Run, assessment: Assessment, *, up_to: int) -> Placed:
    """The chunk with operators and clocks. Without windows every clock is the same, and open."""
    source = _with_operators(assessment, after=run.planned_up_to, up_to=up_to)
    windows = read_windows(run.windows)
    if windows is None:
        return Placed(source=source, zone=literal(0, SmallInteger), opens=func.now())
    now: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    found = placed(session, windows, source=source, contact_id=assessment.rows.c.contact_id, now=now)
    return replace(found, opens=func.coalesce(func.greatest(found.opens, func.now()), func.now()))


def _insert(session: Session, *, run: Run, assessment: Assessment, up_to: int) -> int:
    """Make the rows and note them in `written_messages`. Answers how many are new."""
    found = assessment.rows.c
    place = _place(session, run, assessment, up_to=up_to)
    state = case((found.verdict == "send", "ready"), (found.verdict == "hold", "held"), else_="blocked")
    values = select(
        literal(run.id, BigInteger),
        found.address_id,
        found.contact_id,
        cast(state, Message.state.type),
        case((found.verdict == "send", place.opens)),
        case((found.verdict == "block", func.now())),
        func.coalesce(OperatorDomain.operator, OTHER),
        place.zone,
    ).select_from(place.source)
    # The lock on the plan makes us the only one who adds to this run, so looking first is enough. ON CONFLICT would
    # enter every row in two steps, at half the speed; the unique key stands behind this all the same.
    there = (
        select(Message.id)
        .where(
            Message.run_id == run.id,
            Message.address_id.between(assessment.reach.first_address, assessment.reach.last_address),
            Message.address_id == found.address_id,
        )
        .correlate(assessment.rows)
    )
    values = values.where(~there.exists())
    columns = ["run_id", "address_id", "contact_id", "state", "not_before", "done_at", "operator", "zone"]
    made = insert(Message).from_select(columns, values)
    written = made.returning(Message.id, Message.address_id, Message.operator, Message.zone).cte("written")
    session.execute(text(_MAKE_WRITTEN))
    noted = session.execute(
        insert(_WRITTEN).from_select(_WRITTEN.columns.keys(), select(written)),
        execution_options={"preserve_rowcount": True},
    )
    session.execute(text("ANALYZE written_messages"))
    return int(noted.rowcount)  # type: ignore[attr-defined]
