"""Which runs have something to send now, to whom of the operators, and what keeps the others back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from delivery.pace.limits import Limits, read_limits
from delivery.pace.operators import codes
from delivery.pace.shares import Lane
from delivery.pace.windows import Windows, read_windows


@dataclass(frozen=True)
class Due:
    """A run and the lanes of it that are open. `codes`: how limits name the operators."""

    run_id: int
    sender_id: int
    urgent: bool
    now: datetime
    limits: Limits
    is_limited: bool
    lanes: list[Lane] = field(default_factory=list)
    codes: dict[int, str] = field(default_factory=dict)
    paused_before: set[int] = field(default_factory=set)
    windows: Windows | None = None

    @property
    def recovering(self) -> frozenset[int]:
        """Operators of this sender whose last pause is over."""
        return frozenset(self.paused_before)

    def is_open(self, zone: str | None) -> bool:
        """Whether mail may leave to people of this time zone now."""
        return self.windows is None or self.windows.is_open(self.now, zone=zone)


# Answers to people go first; among campaigns the one after the last served comes next. The lanes of a run are found by
# stepping through the index from each to the next, and the first message of a lane says whether anything is due in it,
# so a million messages that wait, or left already, cost as little as one.
_DUE = """
    SELECT r.id, r.sender_id, r.kind = 'transactional' AS urgent, s.most_per_second, s.limits,
           lane.zone, lane.operator, coalesce(h.planned, 1) AS planned, o.code,
           coalesce(p.paused_until > clock_timestamp(), false) AS rests, coalesce(p.pauses, 0) AS pauses,
           r.windows, z.name AS zone_name, clock_timestamp() AS now
    FROM run AS r JOIN sender AS s ON s.id = r.sender_id
    CROSS JOIN LATERAL (
        WITH RECURSIVE step AS (
            (SELECT m.zone, m.operator FROM message AS m WHERE m.run_id = r.id AND m.state = 'ready'
             ORDER BY m.zone, m.operator LIMIT 1)
            UNION ALL
            SELECT next.zone, next.operator FROM step CROSS JOIN LATERAL (
                SELECT m.zone, m.operator FROM message AS m WHERE m.run_id = r.id AND m.state = 'ready'
                   AND (m.zone, m.operator) > (step.zone, step.operator)
                ORDER BY m.zone, m.operator LIMIT 1) AS next
        )
        SELECT zone, operator FROM step
    ) AS lane
    LEFT JOIN run_share AS h ON h.run_id = r.id AND h.zone = lane.zone AND h.operator = lane.operator
    LEFT JOIN pace AS p ON p.sender_id = r.sender_id AND p.transport_id = 0 AND p.operator = lane.operator
    LEFT JOIN clock_zone AS z ON z.id = lane.zone
    LEFT JOIN mail_operator AS o ON o.id = lane.operator
    WHERE r.state = 'open' AND r.sender_id <> ALL (:away) AND clock_timestamp() >= (
        SELECT m.not_before FROM message AS m
        WHERE m.run_id = r.id AND m.state = 'ready' AND m.zone = lane.zone AND m.operator = lane.operator
        ORDER BY m.not_before LIMIT 1
    ) AND NOT EXISTS (
        SELECT 1 FROM quarantine AS q
        WHERE q.released_at IS NULL AND (r.kind = 'campaign' OR q.replayed_at IS NULL)
    )
    ORDER BY urgent DESC, r.id <= :after, r.id
"""


def due(session: Session, *, after: int, away: frozenset[int]) -> list[Due]:
    """The open runs with something to send, in the order in which they are served.

    A rest of an operator keeps campaigns back; answers to what single people did are put off one by one, if at all.
    """
    found: dict[int, Due] = {}
    for row in session.execute(text(_DUE), {"away": sorted(away), "after": after}):
        run = found.get(row.id)
        if run is None:
            run = found[row.id] = _run(row)
        if (row.rests and not run.urgent) or not run.is_open(row.zone_name):
            continue
        run.lanes.append(Lane(zone=row.zone, operator=row.operator, weight=row.planned))
        run.codes[row.operator] = row.code or codes().get(row.operator, "")
        if row.pauses:
            run.paused_before.add(row.operator)
    return [run for run in found.values() if run.lanes]


def _run(row: Any) -> Due:
    document: Mapping[str, Any] = row.limits
    return Due(
        run_id=row.id,
        sender_id=row.sender_id,
        urgent=row.urgent,
        now=row.now,
        limits=read_limits(document, per_second=row.most_per_second),
        is_limited=bool(row.most_per_second or document),
        windows=read_windows(row.windows),
    )
