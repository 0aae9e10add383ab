"""What happened after sending: recorded, counted, and told in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tracking.models import Event, EventKind, Link, Verdict


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to a message other than an open or a click, which come through the spool."""

    at: datetime
    address_id: int | None
    message_id: int | None = None
    run_id: int | None = None


def record(session: Session, kind: EventKind, happenings: Sequence[Happening]) -> None:
    """Append events of one kind (sent, unsubscribe, bounce, soft bounce, complaint); one statement for all of them."""
    if happenings:
        columns = zip(*((one.at, one.address_id, one.message_id, one.run_id) for one in happenings), strict=True)
        names = ("moments", "addresses", "messages", "runs")
        session.execute(text(_RECORD), {"kind": kind.value, **dict(zip(names, map(list, columns), strict=True))})


_RECORD = """
    INSERT INTO event (kind, at, address_id, message_id, run_id)
    SELECT CAST(:kind AS event_kind), * FROM unnest(CAST(:moments AS timestamptz[]), CAST(:addresses AS bigint[]),
      CAST(:messages AS bigint[]), CAST(:runs AS bigint[]))
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a run; see `counts` for what each number counts."""

    opens: int
    clicks: int
    human_opens: int
    human_clicks: int
    unsubscribes: int
    bounces: int
    soft_bounces: int
    complaints: int


def counts(session: Session, run_id: int) -> Counts:
    """The numbers of one run.

    Personal events count once per message, however often they came: `opens` are messages opened by anybody or anything,
    `human_opens` messages with at least one open judged human; clicks alike, over all links. Hits of people who allow
    only aggregate counting cannot be told apart, so each of them counts. Hits not judged yet are in `opens` and
    `clicks` but not yet in the human numbers. Recipients who allow no tracking are in none of the four.
    """
    row = session.execute(text(_COUNT), {"run": run_id}).one()
    return Counts(**row._mapping)  # noqa: SLF001 - the public name of this in SQLAlchemy


def _once(condition: str) -> str:
    return (
        f"count(DISTINCT message_id) FILTER (WHERE {condition})"
        f" + count(*) FILTER (WHERE message_id IS NULL AND {condition})"
    )


_COUNT = f"""
    SELECT {_once("kind = 'open'")} AS opens,
           {_once("kind = 'click'")} AS clicks,
           {_once("kind = 'open' AND verdict = 'human'")} AS human_opens,
           {_once("kind = 'click' AND verdict = 'human'")} AS human_clicks,
           {_once("kind = 'unsubscribe'")} AS unsubscribes,
           {_once("kind = 'bounce'")} AS bounces,
           {_once("kind = 'soft_bounce'")} AS soft_bounces,
           {_once("kind = 'complaint'")} AS complaints
    FROM event WHERE run_id = :run
"""  # noqa: S608 - all parts stand above


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a story, for pages: what happened when, where a click led, and who seems to have done it."""

    id: int
    at: datetime
    kind: EventKind
    run_id: int | None
    message_id: int | None
    target: str | None
    verdict: Verdict | None
    reason: str | None


def story(
    session: Session, *, address_id: int | None = None, message_id: int | None = None, most: int = 200
) -> list[Moment]:
    """What happened to an address or to one message, the newest first, at most `most` lines."""
    query: Any = (
        select(Event, Link.target)
        .outerjoin(Link, Link.id == Event.link_id)
        .order_by(Event.at.desc(), Event.id.desc())
        .limit(most)
    )
    if address_id is not None:
        query = query.where(Event.address_id == address_id)
    if message_id is not None:
        query = query.where(Event.message_id == message_id)
    return [
        Moment(
            event.id, event.at, event.kind, event.run_id, event.message_id, target, event.verdict, event.verdict_reason
        )
        for event, target in session.execute(query)
    ]


def links_of_run(session: Session, run_id: int) -> list[dict[str, Any]]:
    """How often each link of a run was followed, by position: `position`, `target`, `clicks`, `human_clicks`."""
    return [dict(row._mapping) for row in session.execute(text(_PER_LINK), {"run": run_id})]  # noqa: SLF001


_PER_LINK = f"""
    SELECT l.position, l.target, {_once("kind = 'click'")} AS clicks,
           {_once("kind = 'click' AND verdict = 'human'")} AS human_clicks
    FROM link AS l LEFT JOIN event AS e ON e.link_id = l.id AND e.run_id = l.run_id
    WHERE l.run_id = :run GROUP BY l.id, l.position, l.target ORDER BY l.position
"""  # noqa: S608 - all parts stand above
