"""The statements that turn a staged chunk into orders."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from contacts.importing import Outcome, Rejection
from core.sentences import say

STAGED = {
    "line": "int",
    "number": "text",
    "customer": "text",
    "key": "bytea",
    "ordered_at": "timestamptz",
    "category": "text",
    "amount": "numeric(14, 2)",
    "currency": "text",
    "objection_notice_shown": "boolean",
    "kind": "text",
    "controller": "text",
    "notice_version": "text",
}

# What a row says about an order, besides its number.
SAID = (
    "contact_id", "ordered_at", "category", "amount", "currency", "objection_notice_shown", "kind", "controller_id",
    "notice_version",
)  # fmt: skip


def _of(table: str) -> str:
    """The columns of an order in one table, as a list."""
    return ", ".join(f"{table}.{name}" for name in SAID)


# By customer number, else by address; an order of nobody we know has no contact_id and stays out.
MATCH = """
CREATE TEMP TABLE matched ON COMMIT DROP AS
SELECT i.*, coalesce(n.id, e.contact_id) AS contact_id, b.id AS controller_id
FROM incoming i
LEFT JOIN controller b ON b.code = i.controller
LEFT JOIN contact n ON n.number = i.customer
LEFT JOIN address a ON a.key = i.key
LEFT JOIN endpoint e ON e.channel = 'email' AND e.address_id = a.id
"""

STRANGERS = "DELETE FROM matched WHERE contact_id IS NULL RETURNING line"

# Each row is judged against what was said before it: by the chunk, or else by the database.
JUDGE = f"""
CREATE TEMP TABLE judged ON COMMIT DROP AS
SELECT m.*, p.id IS NOT NULL AS is_stored,
       row_number() OVER said = 1 AS is_first, lead(m.line) OVER said IS NULL AS is_last,
       ({_of("p")}) IS DISTINCT FROM ({_of("m")}) AS differs_from_stored,
       lag(ROW({_of("m")})::text) OVER said IS DISTINCT FROM ROW({_of("m")})::text AS differs_from_earlier
FROM matched m LEFT JOIN purchase p ON p.number = m.number
WINDOW said AS (PARTITION BY m.number ORDER BY m.line)
"""  # noqa: S608 - columns of ours

INSERT = f"""
INSERT INTO purchase (number, {", ".join(SAID)})
SELECT m.number, {_of("m")} FROM judged AS m WHERE is_last AND NOT is_stored
"""  # noqa: S608 - columns of ours

UPDATE = f"""
UPDATE purchase AS p SET ({", ".join(SAID)}) = ROW({_of("m")})
FROM judged AS m WHERE p.number = m.number AND m.is_last AND m.is_stored AND m.differs_from_stored
"""  # noqa: S608 - columns of ours

COUNT = """
SELECT count(*) FILTER (WHERE is_first AND NOT is_stored) AS created,
       count(*) FILTER (WHERE CASE WHEN is_first THEN is_stored AND differs_from_stored
                              ELSE differs_from_earlier END) AS updated,
       count(*) FILTER (WHERE CASE WHEN is_first THEN is_stored AND NOT differs_from_stored
                              ELSE NOT differs_from_earlier END) AS unchanged
FROM judged
"""


def store(session: Session) -> Outcome:
    """Store what is staged in `incoming`."""
    session.execute(text("DROP TABLE IF EXISTS pg_temp.matched, pg_temp.judged"))
    session.execute(text(MATCH))
    outcome = Outcome(rejections=[_unknown(line) for line in session.scalars(text(STRANGERS))])
    session.execute(text(JUDGE))
    session.execute(text(INSERT))
    session.execute(text(UPDATE))
    found = session.execute(text(COUNT)).one()
    outcome.created, outcome.updated, outcome.unchanged = found.created, found.updated, found.unchanged
    return outcome


def _unknown(line: int) -> Rejection:
    return Rejection(
        line, "customer_number", "contact_unknown", say("There is no such contact; import contacts first.")
    )
