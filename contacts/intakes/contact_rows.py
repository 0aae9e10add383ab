"""The statements that turn a staged chunk into contacts, addresses and endpoints.

Ids are drawn while matching, so that the inserts after it need no second look-up. Somebody who takes an address or a
number in between makes an insert fail; the importer then tries the chunk again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from contacts.address_book import note_endpoints_change
from core.keys import keys

_KEYS = {"line": "int", "number": "text", "key": "bytea", "value": "text", "domain_key": "bytea"}


# Who takes the address of somebody who takes the address of somebody ... What is longer is rejected, and goes in when
# the rejected rows are imported again.
LONGEST_MOVE = 10


@dataclass(frozen=True)
class Stored:
    """How many contacts were made, which lines changed one, and which lines have somebody else's address.

    `taken` answers the number of the contact that has the address.
    """

    created: int
    updated: set[int]
    taken: dict[int, str | None]


def staged(columns: Sequence[str]) -> dict[str, str]:
    """The columns of the staging table for these mapped columns."""
    return _KEYS | {name: "jsonb" if name == "fields" else "text" for name in columns}


# Known by number (`by_number`), else by address (`holder_id`: the contact that has the address now), else new.
MATCH = """
CREATE TEMP TABLE matched ON COMMIT DROP AS
SELECT i.*, a.id IS NULL AS is_new_address, coalesce(a.id, nextval('address_id_seq')) AS address_id,
       n.id AS by_number, e.contact_id AS holder_id,
       n.id IS NULL AND e.contact_id IS NULL AS is_new,
       coalesce(n.id, e.contact_id, nextval('contact_id_seq')) AS contact_id
FROM incoming i
LEFT JOIN address a ON a.key = i.key
LEFT JOIN contact n ON n.number = i.number
LEFT JOIN endpoint e ON e.channel = 'email' AND e.address_id = a.id
"""

# Somebody who moves to a free address in this chunk leaves the old one to others of the same chunk.
RELEASE = """
UPDATE matched AS m
SET holder_id = NULL, is_new = m.by_number IS NULL,
    contact_id = coalesce(m.by_number, nextval('contact_id_seq'))
FROM matched AS leaving
WHERE leaving.by_number IS NOT NULL AND leaving.holder_id IS NULL
  AND m.holder_id = leaving.by_number AND m.by_number IS DISTINCT FROM m.holder_id
"""

TAKEN = """
DELETE FROM matched AS m USING contact AS c
WHERE c.id = m.holder_id AND m.number IS NOT NULL
  AND (m.by_number <> m.holder_id OR m.by_number IS NULL AND c.number IS NOT NULL)
RETURNING m.line, c.number
"""

ADDRESSES = """
INSERT INTO address (id, key, domain_key, key_id) OVERRIDING SYSTEM VALUE
SELECT address_id, key, domain_key, :key_id FROM matched WHERE is_new_address
"""

COMPANIES = """
INSERT INTO company (name)
SELECT DISTINCT m.company FROM matched m
WHERE m.company IS NOT NULL AND NOT EXISTS (SELECT FROM company c WHERE c.name = m.company)
"""

MOVED = """
DELETE FROM endpoint AS e USING matched AS m
WHERE NOT m.is_new AND m.holder_id IS NULL AND e.contact_id = m.contact_id AND e.channel = 'email'
"""

ENDPOINTS = """
INSERT INTO endpoint (contact_id, channel, address_id, value)
SELECT contact_id, 'email', address_id, value FROM matched WHERE holder_id IS NULL
"""


def store(session: Session, columns: Sequence[str]) -> Stored:
    """Store what is staged in `incoming`."""
    note_endpoints_change(session)
    # Two imports at once would draw ids for the same people; the second waits for the first one's chunk.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('import contacts'))"))
    session.execute(text("DROP TABLE IF EXISTS pg_temp.matched"))
    session.execute(text(MATCH))
    # In the first import of a file nobody is known, and four statements have nothing to do.
    has_known = session.scalar(text("SELECT EXISTS (SELECT FROM matched WHERE NOT is_new)"))
    taken = _settle_addresses(session) if has_known else {}
    session.execute(text(ADDRESSES), {"key_id": keys().key_id})
    if "company" in columns:
        session.execute(text(COMPANIES))
    session.execute(text(_insert(columns)))
    updated = _update_known(session, columns) if has_known else set()
    session.execute(text(ENDPOINTS))
    created = session.scalar(text("SELECT count(*) FROM matched WHERE is_new")) or 0
    return Stored(created=created, updated=updated, taken=taken)


def is_new(session: Session, lines: Sequence[int]) -> set[int]:
    """Which of these lines of the chunk that was just stored made a contact."""
    return set(session.scalars(text("SELECT line FROM matched WHERE is_new AND line = ANY(:lines)"), {"lines": lines}))


def _settle_addresses(session: Session) -> dict[int, str | None]:
    """Let go of the addresses that people of this chunk leave, then take out the rows whose address is taken."""
    for _ in range(LONGEST_MOVE):
        if not session.execute(text(RELEASE)).rowcount:  # type: ignore[attr-defined]
            break
    return {row.line: row.number for row in session.execute(text(TAKEN))}


def _update_known(session: Session, columns: Sequence[str]) -> set[int]:
    """Update the contacts that were there before; answers the lines that changed anything."""
    changed = set(session.scalars(text(_update(columns))))
    moved = session.scalars(text("SELECT line FROM matched WHERE NOT is_new AND holder_id IS NULL"))
    changed |= set(moved)
    session.execute(text(MOVED))
    return changed


# Two companies may have one name; a contact of the import goes to the older one.
_COMPANY = "LEFT JOIN (SELECT min(id) AS id, name FROM company GROUP BY name) AS k ON k.name = m.company"


def _columns(columns: Sequence[str], *, stored_fields: str) -> dict[str, str]:
    """Column of `contact` -> expression over `matched AS m` and `company AS k`. All names come from code."""
    special = {"company": ("company_id", "k.id"), "fields": ("fields", f"jsonb_strip_nulls({stored_fields}m.fields)")}
    return dict(special.get(name, (name, f"m.{name}")) for name in columns)


def _insert(columns: Sequence[str]) -> str:
    values = {"kind": "'b2c'"} | _columns(columns, stored_fields="")
    return f"""
        INSERT INTO contact (id, number, {", ".join(values)}) OVERRIDING SYSTEM VALUE
        SELECT m.contact_id, m.number, {", ".join(values.values())}
        FROM matched AS m {_COMPANY if "company" in columns else ""} WHERE m.is_new
    """  # noqa: S608 - names come from code


def _update(columns: Sequence[str]) -> str:
    values = {"number": "coalesce(m.number, c.number)"} | _columns(columns, stored_fields="c.fields || ")
    old = ", ".join(f"c.{name}" for name in values)
    new = ", ".join(values.values())
    return f"""
        UPDATE contact AS c SET ({", ".join(values)}, updated_at) = ROW({new}, now())
        FROM matched AS m {_COMPANY if "company" in columns else ""}
        WHERE NOT m.is_new AND c.id = m.contact_id AND ({old}) IS DISTINCT FROM ({new})
        RETURNING m.line
    """  # noqa: S608 - names come from code
