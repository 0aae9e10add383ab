"""The numbers, taken now. Ages are in seconds and absent (None) where there is nothing that could be old."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.backup import keeping
from core import clock
from core.found_work import found as found_work
from delivery import LEASE, reputations
from suppression import journal_end, missing_lines


@dataclass(frozen=True)
class Numbers:
    """What `crusoe status --json` calls `numbers`.

    `messages`: rows per state of runs that were not over a day ago. `oldest`: the age of the oldest ready row that is
    due, and of the oldest one that is claimed or being handed over. `unknown_rate`: the part of all that was handed
    over in those runs of which nobody knows whether it arrived.

    `found_by_bell`, `found_by_polling`: messages that a worker took up because somebody rang, and because it looked.
    What was put off is among the latter: nobody rings when its time has come.

    `complaint_rate` (of the worst day) and `dead_rate`: in percent, of the last week, for each sender and operator of
    mailboxes with enough mails to say anything; `resting`: pairs of those that get nothing just now because the
    operator wants less. `braked`: campaigns that wait for a person since the brake stopped them.
    """

    messages: dict[str, int]
    oldest: dict[str, float | None]
    handed_over: int
    unknown: int
    unknown_rate: float
    leases_lost: int
    refusals: dict[str, int]
    opt_out_wait: dict[str, float | None]
    journal_age: float | None
    journal_unwritten: int
    journal_missing: int
    found_by_bell: int
    found_by_polling: int
    outbox_age: float | None
    outbox_waiting: int
    campaigns_late: float | None
    scheduler_silent: float | None
    clock_offset: float
    backup_age: float | None
    complaint_rate: dict[str, float] = field(default_factory=dict)
    dead_rate: dict[str, float] = field(default_factory=dict)
    resting: int = 0
    braked: int = 0


_STATES = """
    SELECT m.state::text AS state, count(*) AS messages, coalesce(sum(m.leases_lost), 0) AS leases_lost
    FROM run AS r JOIN message AS m ON m.run_id = r.id
    WHERE (r.kind = 'campaign' AND (r.finished_at IS NULL OR r.finished_at > now() - interval '1 day'))
       OR (r.kind = 'transactional' AND m.state IN ('ready', 'claimed', 'handing_over', 'unknown'))
    GROUP BY 1
"""
# A claim says until when it holds; all of them hold as long when they are made.
_OLDEST = """
    SELECT extract(epoch FROM clock_timestamp() - min(lease_until) FILTER (WHERE state = 'claimed') + :lease)
             AS claimed,
           extract(epoch FROM clock_timestamp() - min(handed_over_at) FILTER (WHERE state = 'handing_over'))
             AS handing_over
    FROM message WHERE state IN ('claimed', 'handing_over')
"""
_READY = """
    SELECT extract(epoch FROM clock_timestamp() - min(m.not_before)) FROM run AS r
    JOIN message AS m ON m.run_id = r.id AND m.state = 'ready' AND m.not_before <= clock_timestamp()
    WHERE r.state = 'open'
"""
_REFUSALS = """
    SELECT reason, count(*) AS messages FROM decision_context AS c JOIN decision AS d ON d.batch_id = c.batch_id
    CROSS JOIN LATERAL unnest(d.reasons) AS reason
    WHERE c.stage = 'gate' AND c.decided_at > now() - interval '1 day' AND d.verdict <> 'send' GROUP BY 1
"""
# The objection is stored when the transaction begins, and noted in the ledger when nothing was on its way any more.
_WAITS = """
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY waited) AS p50,
           percentile_cont(0.99) WITHIN GROUP (ORDER BY waited) AS p99
    FROM (SELECT address_id, recorded_at FROM suppression_entry WHERE cause = 'opted_out' ORDER BY id DESC LIMIT 1000)
      AS n CROSS JOIN LATERAL (
        SELECT extract(epoch FROM e.at - n.recorded_at) AS waited FROM event AS e
        WHERE e.address_id = n.address_id AND e.kind = 'unsubscribe'
          AND e.at BETWEEN n.recorded_at AND n.recorded_at + interval '1 minute' ORDER BY e.at LIMIT 1) AS answer
    WHERE n.recorded_at > now() - interval '1 day'
"""
_OUTBOX = """
    SELECT count(*) AS waiting, extract(epoch FROM now() - min(created_at)) AS age
    FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NULL
"""
_LATE = """
    SELECT extract(epoch FROM now() - min(scheduled_at)) FROM campaign
    WHERE state = 'scheduled' AND scheduled_at < now()
"""
_SILENT = "SELECT extract(epoch FROM now() - max(at)) FROM firing"
_POSITION = "SELECT at, bytes FROM journal_position"


_BRAKED = "SELECT count(*) FROM run WHERE state = 'paused' AND braked_at IS NOT NULL"


def read_numbers(session: Session) -> Numbers:
    """Take all of them."""
    standings = {f"{who.sender}/{one.operator}": one for who in reputations(session) for one in who.standings}
    states = session.execute(text(_STATES)).all()
    counts = {row.state: int(row.messages) for row in states}
    leased = session.execute(text(_OLDEST), {"lease": LEASE}).one()
    waits = session.execute(text(_WAITS)).one()
    outbox = session.execute(text(_OUTBOX)).one()
    unknown, handed = counts.get("unknown", 0), _handed_over(counts)
    age, unwritten = _journal(session)
    lost = missing_lines(session)
    rung, polled = found_work(session, "delivery.send")
    ready = _seconds(session.scalar(text(_READY)))
    backup = keeping.standing().age_hours
    return Numbers(
        messages=counts,
        oldest={"ready": ready, "claimed": _seconds(leased.claimed), "handing_over": _seconds(leased.handing_over)},
        handed_over=handed,
        unknown=unknown,
        unknown_rate=round(unknown / handed, 4) if handed else 0.0,
        leases_lost=sum(int(row.leases_lost) for row in states),
        refusals={row.reason: int(row.messages) for row in session.execute(text(_REFUSALS))},
        opt_out_wait={"p50": _seconds(waits.p50), "p99": _seconds(waits.p99)},
        journal_age=age,
        journal_unwritten=unwritten,
        journal_missing=lost.lines if lost else 0,
        found_by_bell=rung,
        found_by_polling=polled,
        outbox_age=_seconds(outbox.age),
        outbox_waiting=int(outbox.waiting),
        campaigns_late=_seconds(session.scalar(text(_LATE))),
        scheduler_silent=_seconds(session.scalar(text(_SILENT))),
        clock_offset=_clock_offset(session),
        backup_age=None if backup is None else backup * 3600,
        complaint_rate={
            name: one.worst_day
            for name, one in standings.items()
            if one.worst_day is not None and one.complaint_status != "none"
        },
        dead_rate={
            name: one.dead_rate
            for name, one in standings.items()
            if one.dead_rate is not None and one.dead_status != "none"
        },
        resting=sum(one.rests_until is not None for one in standings.values()),
        braked=session.scalar(text(_BRAKED)) or 0,
    )


def _handed_over(counts: dict[str, int]) -> int:
    return sum(counts.get(state, 0) for state in ("sent", "failed", "unknown", "resolved_sent", "resolved_unsent"))


def _journal(session: Session) -> tuple[float | None, int]:
    """How long ago the journal was last compared with the database, and its bytes that were not compared yet."""
    row = session.execute(text(_POSITION)).one_or_none()
    if row is None:
        return None, journal_end().bytes
    at: datetime = row.at
    return round((clock.now() - at).total_seconds(), 3), journal_end().bytes - int(row.bytes)


def _clock_offset(session: Session) -> float:
    """By how much the clock of this machine is ahead of the database's; the way there and back is halved."""
    before = time.time()
    there = session.scalar(text("SELECT extract(epoch FROM clock_timestamp())"))
    return round((before + time.time()) / 2 - float(there or 0), 3)


def _seconds(found: Any) -> float | None:
    return None if found is None else round(float(found), 3)
