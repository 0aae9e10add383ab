"""The brake: looks every few seconds at what came of open runs, and stops those whose numbers are too bad.

Nothing but a person lets them go on, and what was counted until then does not count again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import structlog
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from core import audit, clock
from core.sentences import Sentence, packed, say
from delivery.models import Run
from delivery.pace.brake import Counted, reason_to_stop
from delivery.pace.limits import Brake, read_limits
from delivery.pace.warning import warn_of_brake
from delivery.runs import pause_run
from delivery.states import RunState

log = structlog.get_logger()

_NAMES = ("accepted", "put_off", "slowed", "hard", "policy", "unknown", "listed")
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in _NAMES)

# Small sums instead of many rows. Nobody waits for it: rows are only added, and those of this minute are left alone.
_FOLD = f"""
    WITH gone AS (DELETE FROM tally WHERE at < clock_timestamp() - interval '1 minute' RETURNING *)
    INSERT INTO day_tally AS d (run_id, operator, day, {", ".join(_NAMES)})
    SELECT run_id, operator, (at AT TIME ZONE 'UTC')::date, {_SUMS} FROM gone GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (run_id, operator, day) DO UPDATE SET {", ".join(f"{n} = d.{n} + excluded.{n}" for n in _NAMES)}
"""  # noqa: S608 - names of ours

# Open campaigns, what else their senders sent since yesterday, and a run that somebody resumes.
_COUNT = f"""
    SELECT r.id, r.sender_id, r.name, r.state = 'open' AS is_open, r.counted_before, s.limits,
           t.*, e.bounced, e.complaints
    FROM run AS r JOIN sender AS s ON s.id = r.sender_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(accepted), 0)::bigint AS accepted, coalesce(sum(hard), 0)::bigint AS refused,
               coalesce(sum(policy), 0)::bigint AS policy, coalesce(sum(unknown), 0)::bigint AS unknown,
               coalesce(sum(listed), 0)::bigint AS listed
        FROM (SELECT {", ".join(_NAMES)} FROM tally WHERE run_id = r.id
              UNION ALL SELECT {", ".join(_NAMES)} FROM day_tally WHERE run_id = r.id) AS both_tallies
    ) AS t
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE kind = 'bounce') AS bounced,
               count(*) FILTER (WHERE kind = 'complaint') AS complaints
        FROM event WHERE run_id = r.id AND kind IN ('bounce', 'complaint')
    ) AS e
    WHERE r.kind = 'campaign' AND r.sender_id = ANY (:senders)
      AND (r.state = 'open' OR r.id = :resumed
           OR EXISTS (SELECT 1 FROM tally WHERE run_id = r.id AND at > now() - interval '1 day')
           OR EXISTS (SELECT 1 FROM day_tally WHERE run_id = r.id AND day >= current_date - 1))
    ORDER BY r.id
"""  # noqa: S608 - names of ours


@dataclass(frozen=True)
class _Watched:
    run_id: int
    sender_id: int
    name: str
    is_open: bool
    counted: Counted
    before: Mapping[str, Any]
    brake: Brake


def fold(session: Session) -> None:
    """Sum up what batches noted."""
    session.execute(text(_FOLD))


def brake(session: Session) -> int:
    """Stop the runs, and the senders with all their runs, whose numbers are too bad. Answers how many runs."""
    open_ones = select(Run.sender_id).where(Run.kind == "campaign", Run.state == RunState.OPEN).distinct()
    senders = list(session.scalars(open_ones))
    watched = _watched(session, senders) if senders else []
    stopped = {}
    for one in watched:
        if one.is_open and (why := reason_to_stop(one.counted.since(one.before), brake=one.brake)):
            stopped[one.run_id] = why
    for sender_id in senders:
        mine = [one for one in watched if one.sender_id == sender_id]
        whole = sum((one.counted.since(one.before) for one in mine), Counted())
        if len(mine) > 1 and (why := reason_to_stop(whole, brake=mine[0].brake)):
            all_of_it = say("All campaigns of the sender of the last day: %(why)s", why=why)
            stopped |= {one.run_id: all_of_it for one in mine if one.is_open and one.run_id not in stopped}
    for one in watched:
        if one.run_id in stopped:
            _stop(session, one, stopped[one.run_id])
    return len(stopped)


def _watched(session: Session, senders: list[int], *, resumed: int = 0) -> list[_Watched]:
    return [
        _Watched(
            run_id=row.id,
            sender_id=row.sender_id,
            name=row.name,
            is_open=row.is_open,
            counted=Counted(**{name: getattr(row, name) for name in asdict(Counted())}),
            before=row.counted_before,
            brake=read_limits(row.limits).brake,
        )
        for row in session.execute(text(_COUNT), {"senders": senders, "resumed": resumed})
    ]


def _stop(session: Session, one: _Watched, why: Sentence) -> None:
    reason = say("The brake stopped it. %(why)s", why=why)
    pause_run(session, run_id=one.run_id, reason=packed(reason))
    session.execute(update(Run).where(Run.id == one.run_id).values(braked_at=clock.now()))
    audit.record(
        session,
        actor="system",
        action="run.brake",
        object_type="run",
        object_id=one.run_id,
        reason=str(why),
        name=one.name,
        **asdict(one.counted.since(one.before)),
    )
    warn_of_brake(session, run_id=one.run_id, why=reason)
    log.warning("run_braked", run=one.run_id, name=one.name, why=str(why))


def begin_counting_anew(session: Session, *, run_id: int) -> None:
    """After a person resumed a run that the brake had stopped: nothing that came of its sender so far counts again."""
    sender_id = session.get_one(Run, run_id).sender_id
    for one in _watched(session, [sender_id], resumed=run_id):
        values: dict[str, Any] = {"counted_before": asdict(one.counted)}
        if one.run_id == run_id:
            values["braked_at"] = None
        session.execute(update(Run).where(Run.id == one.run_id).values(values))
    session.expire_all()
