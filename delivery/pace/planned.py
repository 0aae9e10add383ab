"""How the audience of a run is spread over operators and time zones, counted while it is written down."""

from sqlalchemy import text
from sqlalchemy.orm import Session

_NOTE = """
    INSERT INTO run_share AS s (run_id, zone, operator, planned)
    SELECT :run, zone, operator, count(*) FROM written_messages GROUP BY zone, operator ORDER BY zone, operator
    ON CONFLICT (run_id, zone, operator) DO UPDATE SET planned = s.planned + excluded.planned
"""


def note_shares(session: Session, *, run_id: int) -> None:
    """Add the chunk that was written just now, which stands in `written_messages`."""
    session.execute(text(_NOTE), {"run": run_id})
