"""What did not fit into the last window of a campaign ends."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.db import database_clock
from delivery.models import Run
from delivery.pace.models import ClockZone
from delivery.pace.windows import read_windows
from delivery.states import RunKind, RunState

CHUNK = 20_000
REASON = "the last window for sending is over"

_LANES = "SELECT DISTINCT zone FROM run_share WHERE run_id = :run"

_END = f"""
    UPDATE message SET state = 'cancelled', done_at = clock_timestamp(), reply_text = :reason
    WHERE id IN (
        SELECT id FROM message WHERE run_id = :run AND zone = :zone AND state = 'ready'
        ORDER BY id LIMIT {CHUNK} FOR UPDATE SKIP LOCKED
    )
"""  # noqa: S608 - a number of ours


def end_what_is_too_late(session: Session) -> int:
    """End the messages for which no window comes any more, at most a chunk for each run and zone; answers how many."""
    names = {row.id: row.name for row in session.execute(select(ClockZone.id, ClockZone.name))}
    open_ones = select(Run.id, Run.windows).where(
        Run.kind == RunKind.CAMPAIGN, Run.state == RunState.OPEN, Run.windows.is_not(None)
    )
    ended, now = 0, database_clock(session)
    for run_id, document in session.execute(open_ones).all():
        windows = read_windows(document)
        if windows is None or windows.until is None:
            continue
        for zone in session.scalars(text(_LANES), {"run": run_id}).all():
            if windows.next_open(now, zone=names.get(zone)) is None:
                values = {"run": run_id, "zone": zone, "reason": REASON}
                ended += session.execute(text(_END), values).rowcount  # type: ignore[attr-defined]
    return ended
