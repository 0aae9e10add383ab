"""A small domain that wants less mail: an operator of its own from then on, so that it rests alone."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from contacts import domain_key
from delivery.pace.operators import OTHER, learn_operator

_MOVE = """
    WITH moved AS (
        UPDATE message AS m SET operator = :operator
        FROM address AS a, run AS r, run AS ours
        WHERE a.domain_key = :key AND m.address_id = a.id AND m.run_id = r.id AND m.state = 'ready'
          AND m.operator = :other AND ours.id = :run AND r.sender_id = ours.sender_id AND r.finished_at IS NULL
        RETURNING m.run_id, m.zone
    ), counted AS (
        SELECT run_id, zone, count(*) AS many FROM moved GROUP BY run_id, zone
    ), less AS (
        UPDATE run_share AS s SET planned = greatest(0, s.planned - c.many) FROM counted AS c
        WHERE s.run_id = c.run_id AND s.zone = c.zone AND s.operator = :other
    )
    INSERT INTO run_share AS s (run_id, zone, operator, planned)
    SELECT c.run_id, c.zone, :operator, c.many FROM counted AS c JOIN run AS r ON r.id = c.run_id
    WHERE r.kind = 'campaign' ORDER BY c.run_id, c.zone
    ON CONFLICT (run_id, zone, operator) DO UPDATE SET planned = s.planned + excluded.planned
"""


def move_to_its_own(session: Session, *, run_id: int, domain: str) -> int | None:
    """Make the domain an operator, and what this sender still has for it its messages. Answers the number.

    None when no more can be learned; then its mails wait one by one.
    """
    operator = learn_operator(session, domain=domain)
    if operator is None:
        return None
    values = {"operator": operator, "other": OTHER, "run": run_id, "key": domain_key(domain)}
    session.execute(text(_MOVE), values)
    return operator
