"""Mail that came back because of what we are counts as if its operator had said so at the door."""

from sqlalchemy import text
from sqlalchemy.orm import Session

# On the day on which it left, where it was counted as taken, or as in doubt. What a message brought back before has
# counted already; of a delay only the rest of its operator hears.
_NOTE = """
    INSERT INTO tally (run_id, operator, at, accepted, put_off, slowed, hard, policy, unknown, listed)
    SELECT m.run_id, m.operator, coalesce(m.handed_over_at, now()), -(m.state = 'sent')::int, 0, 0, 0, 1,
           -(m.state IN ('unknown', 'resolved_sent', 'resolved_unsent'))::int, 0
    FROM message AS m
    WHERE m.id = :message AND m.state IN ('sent', 'unknown', 'resolved_sent', 'resolved_unsent') AND :ours = (
        SELECT count(*) FROM returned AS r JOIN returned_mail AS g ON g.id = r.mail_id
        WHERE g.message_id = m.id AND r.matches AND r.class = 'policy' AND r.action = 'failed'
    )
"""


def note_returned(session: Session, *, message_id: int, ours: int) -> None:
    """Count a message as refused for what we are. `ours`: how many rows of the mail at hand say so, already stored.

    It was counted as accepted, or as in doubt, when it left, and is not any more.
    """
    session.execute(text(_NOTE), {"message": message_id, "ours": ours})
