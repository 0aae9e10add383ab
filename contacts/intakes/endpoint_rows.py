"""The statements that turn a staged chunk of endpoints into addresses and endpoints."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from contacts.address_book import note_endpoints_change
from contacts.importing import Outcome, Rejection, stage
from contacts.models import Channel
from contacts.phones import phone_key
from contacts.postal import postal_key
from core.keys import address_key, keys
from core.sentences import say

INCOMING = {"line": "int", "number": "text", "email": "bytea", "channel": "text", "value": "text"}
FOUND = {"line": "int", "contact_id": "bigint", "channel": "text", "key": "bytea", "value": "text"}

# The last row about a person and a channel counts.
WHOSE = """
SELECT DISTINCT ON (coalesce(n.id, e.contact_id), i.channel) i.line, i.channel, i.value, c.id, c.first_name, c.last_name
FROM incoming AS i
LEFT JOIN contact AS n ON n.number = i.number
LEFT JOIN address AS a ON a.key = i.email
LEFT JOIN endpoint AS e ON e.channel = 'email' AND e.address_id = a.id
JOIN contact AS c ON c.id = coalesce(n.id, e.contact_id)
ORDER BY coalesce(n.id, e.contact_id), i.channel, i.line DESC
"""

STRANGERS = """
SELECT i.line FROM incoming AS i
LEFT JOIN address AS a ON a.key = i.email
LEFT JOIN endpoint AS e ON e.channel = 'email' AND e.address_id = a.id
WHERE NOT EXISTS (SELECT FROM contact AS n WHERE n.number = i.number) AND e.id IS NULL
"""

ADDRESSES = """
INSERT INTO address (key, domain_key, key_id) SELECT DISTINCT ON (key) key, key, CAST(:key_id AS smallint) FROM found
WHERE NOT EXISTS (SELECT FROM address AS a WHERE a.key = found.key) ORDER BY key ON CONFLICT (key) DO NOTHING
"""

MATCH = """
CREATE TEMP TABLE reached ON COMMIT DROP AS
SELECT f.*, a.id AS address_id, other.contact_id AS taken_by, mine.id AS endpoint_id, mine.address_id AS address_before,
  row_number() OVER (PARTITION BY f.channel, a.id ORDER BY f.line) AS place
FROM found AS f JOIN address AS a ON a.key = f.key
LEFT JOIN endpoint AS other
  ON other.channel = f.channel AND other.address_id = a.id AND other.contact_id <> f.contact_id
LEFT JOIN endpoint AS mine ON mine.channel = f.channel AND mine.contact_id = f.contact_id
"""

TAKEN = "DELETE FROM reached WHERE taken_by IS NOT NULL OR place > 1 RETURNING line"

MOVED = """
DELETE FROM endpoint USING reached AS r
WHERE endpoint.id = r.endpoint_id AND r.address_before <> r.address_id
"""

INSERT = """
INSERT INTO endpoint (contact_id, channel, address_id, value) SELECT contact_id, channel, address_id, value FROM reached
WHERE endpoint_id IS NULL OR address_before <> address_id
"""

COUNT = """
SELECT count(*) FILTER (WHERE endpoint_id IS NULL) AS created,
  count(*) FILTER (WHERE address_before <> address_id) AS updated FROM reached
"""


def store(session: Session, rows: Sequence[tuple[Any, ...]]) -> Outcome:
    """Store these rows: line, number, hash of the e-mail address, channel, value."""
    note_endpoints_change(session)
    stage(session, table="incoming", columns=INCOMING, rows=rows)
    rejections = [_rejected(line, _UNKNOWN) for line in session.scalars(text(STRANGERS))]
    whose = session.execute(text(WHOSE)).all()
    stage(
        session,
        table="found",
        columns=FOUND,
        rows=[(row.line, row.id, row.channel, _key(row), row.value) for row in whose],
    )
    session.execute(text(ADDRESSES), {"key_id": keys().key_id})
    session.execute(text("DROP TABLE IF EXISTS pg_temp.reached"))
    session.execute(text(MATCH))
    rejections += [_rejected(line, _TAKEN) for line in session.scalars(text(TAKEN))]
    counted = session.execute(text(COUNT)).one()
    session.execute(text(MOVED))
    session.execute(text(INSERT))
    unchanged = len(rows) - len(rejections) - counted.created - counted.updated
    return Outcome(created=counted.created, updated=counted.updated, unchanged=unchanged, rejections=rejections)


def _key(row: Any) -> bytes:
    if row.channel == Channel.POST:
        return address_key(postal_key(row.value, first_name=row.first_name, last_name=row.last_name))
    return address_key(phone_key(row.value))


_UNKNOWN = ("number", "contact_unknown", say("There is no such contact; import contacts first."))
_TAKEN = ("phone", "endpoint_taken", say("Somebody else has this number or address already."))


def _rejected(line: int, why: tuple[str, str, Any]) -> Rejection:
    field, code, message = why
    return Rejection(line, field, code, message)
