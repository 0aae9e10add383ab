"""Messages that were planned before it was known who runs their mailboxes move to that operator, in sets."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from contacts import domain_key, email_address
from core.errors import WrongInput


@dataclass(frozen=True)
class Move:
    """What is to be sent to a domain (an A-label) counts for another operator from now on."""

    domain: str
    before: int
    after: int


# Only what nobody has claimed. The shares of a run follow in one sum for each lane, because lanes give and take.
_MOVE = """
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:keys AS bytea[]), CAST(:befores AS smallint[]), CAST(:afters AS smallint[]))
                      AS w (key, before, after)
    ), moved AS (
        UPDATE message AS m SET operator = w.after
        FROM wanted AS w, address AS a, run AS r
        WHERE a.domain_key = w.key AND m.address_id = a.id AND m.run_id = r.id AND m.state = 'ready'
          AND m.operator = w.before AND r.finished_at IS NULL
          AND (CAST(:sender AS bigint) IS NULL OR r.sender_id = :sender)
        RETURNING m.run_id, m.zone, w.before, w.after
    ), changed AS (
        SELECT run_id, zone, before AS operator, -1 AS many FROM moved
        UNION ALL SELECT run_id, zone, after, 1 FROM moved
    ), shared AS (
        INSERT INTO run_share AS s (run_id, zone, operator, planned)
        SELECT c.run_id, c.zone, c.operator, greatest(0, sum(c.many))
        FROM changed AS c JOIN run AS r ON r.id = c.run_id
        WHERE r.kind = 'campaign' GROUP BY 1, 2, 3 HAVING sum(c.many) > 0 ORDER BY 1, 2, 3
        ON CONFLICT (run_id, zone, operator) DO UPDATE SET planned = s.planned + excluded.planned
    ), less AS (
        UPDATE run_share AS s SET planned = greatest(0, s.planned + c.many)
        FROM (SELECT run_id, zone, operator, sum(many) AS many FROM changed GROUP BY 1, 2, 3 HAVING sum(many) < 0) AS c
        WHERE s.run_id = c.run_id AND s.zone = c.zone AND s.operator = c.operator
    )
    SELECT count(*) FROM moved
"""


def a_label(domain: str) -> str:
    """A domain as the DNS and the hashes of addresses spell it; what is no domain stays as it stands."""
    try:
        return email_address(f"x@{domain}").domain
    except WrongInput:
        return domain


def move_ready(session: Session, moves: Sequence[Move], *, sender_id: int | None = None) -> int:
    """Move what waits in runs that are not finished, of one sender or of all. Answers how many messages."""
    if not moves:
        return 0
    values = {
        "keys": [domain_key(one.domain) for one in moves],
        "befores": [one.before for one in moves],
        "afters": [one.after for one in moves],
        "sender": sender_id,
    }
    return int(session.execute(text(_MOVE), values).scalar_one())
