"""What others left behind: expired leases, ambiguous endings that may be tried again, messages of stopped runs.

Any number of processes may do this at the same time; every statement names the states that it moves from.
What was being handed over is another matter: see `reaper.py`.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from delivery.lost_leases import CHUNK, take_back_claimed
from delivery.reaper import Reaped, reap

_ONCE_MORE = """
    UPDATE message AS m SET state = 'ready', token = NULL, done_at = NULL, not_before = clock_timestamp()
    FROM run AS r
    WHERE r.id = m.run_id AND r.retry_unknown AND r.state = 'open' AND m.state = 'unknown' AND m.attempts < 2
"""

_CANCEL = f"""
    UPDATE message SET state = 'cancelled', done_at = clock_timestamp()
    WHERE id IN (
        SELECT m.id FROM run AS r JOIN message AS m ON m.run_id = r.id
        WHERE r.state = 'stopped' AND r.finished_at IS NULL AND m.state IN ('planned', 'ready', 'held')
        ORDER BY m.id LIMIT {CHUNK} FOR UPDATE OF m SKIP LOCKED
    )
"""  # noqa: S608 - numbers of ours

_FORGET = """
    DELETE FROM message_value AS v USING message AS m, run AS r
    WHERE m.id = v.message_id AND r.id = m.run_id
      AND (m.state IN ('sent', 'failed', 'blocked', 'cancelled', 'resolved_sent', 'resolved_unsent')
           OR (m.state = 'unknown' AND (m.attempts > 1 OR NOT r.retry_unknown)))
"""

# What a new wording replaced, and what was stopped, ends when nothing of it is under way.
_END = """
    UPDATE run AS r SET state = CASE r.state WHEN 'open' THEN 'done' ELSE r.state END, finished_at = clock_timestamp()
    WHERE r.finished_at IS NULL
      AND (r.state = 'stopped' OR (r.kind = 'transactional' AND r.state = 'open' AND r.planned_at IS NOT NULL))
      AND NOT EXISTS (SELECT 1 FROM message AS m WHERE m.run_id = r.id
                      AND m.state IN ('planned', 'ready', 'claimed', 'handing_over', 'held'))
"""


@dataclass(frozen=True)
class Tidied:
    """How many messages each rule moved."""

    ready: int
    reaped: Reaped
    once_more: int
    cancelled: int
    forgotten: int

    @property
    def more(self) -> bool:
        """Whether a chunk was full or a lost batch was found, so that more may be waiting."""
        return self.reaped.found > 0 or max(self.ready, self.cancelled) >= CHUNK


def tidy(session: Session) -> Tidied:
    """Move what is left over to where it belongs; of batches that were being handed over, one at a time."""
    ready = take_back_claimed(session)
    reaped = reap(session)
    moved = [_move(session, statement) for statement in (_ONCE_MORE, _CANCEL, _FORGET)]
    _move(session, _END)
    return Tidied(ready, reaped, *moved)


def _move(session: Session, statement: str) -> int:
    return int(session.execute(text(statement)).rowcount)  # type: ignore[attr-defined]
