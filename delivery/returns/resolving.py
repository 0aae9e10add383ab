"""Ending a doubt: a message of which nobody knew whether it arrived, and evidence that says so."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from core import clock
from delivery.returns.belief import About
from delivery.states import MessageState
from tracking import EventKind, Happening, Sending, note_exposures, record

CHUNK = 1_000

_RESOLVE = """
    UPDATE message SET state = CAST(:state AS message_state), token = NULL, done_at = clock_timestamp()
    WHERE id = :message AND state = 'unknown' RETURNING handed_over_at
"""

# Only who has the mail can follow its signed links: a hit of any kind shows that it arrived.
_READ = f"""
    SELECT m.id AS message_id, m.run_id, m.address_id, m.state::text AS state, r.purpose, s.controller_id,
           (SELECT d.basis FROM decision AS d WHERE d.id = m.decision_id) AS basis
    FROM message AS m JOIN run AS r ON r.id = m.run_id JOIN sender AS s ON s.id = r.sender_id
    WHERE m.state = 'unknown' AND EXISTS (
        SELECT 1 FROM event AS e WHERE e.message_id = m.id AND e.kind IN ('open', 'click', 'unsubscribe'))
    ORDER BY m.id LIMIT {CHUNK} FOR UPDATE OF m SKIP LOCKED
"""  # noqa: S608 - a number of ours


def resolve(session: Session, about: About, state: MessageState) -> bool:
    """Move a message out of `unknown`; one that arrived counts as sent from now on. Answers whether it was in doubt."""
    row = session.execute(text(_RESOLVE), {"message": about.message_id, "state": state.value}).one_or_none()
    if row is None:
        return False
    if state is MessageState.RESOLVED_SENT:
        at = row.handed_over_at or clock.now()
        record(session, EventKind.SENT, [Happening(at, about.address_id, about.message_id, about.run_id)])
        if about.basis:
            note_exposures(session, [Sending(about.address_id, "email", about.purpose, about.basis, at)])
    return True


def resolve_read(session: Session) -> int:
    """Resolve what was opened, clicked or unsubscribed from; answers how many, at most a chunk."""
    rows = session.execute(text(_READ)).mappings().all()
    found = [About(**{**row, "state": MessageState(row["state"])}) for row in rows]
    return sum(resolve(session, one, MessageState.RESOLVED_SENT) for one in found)
