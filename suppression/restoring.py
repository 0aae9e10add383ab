"""After a database was restored from a backup: what the journal knows and the database does not, is stored again.

First all entries, then all lifts. An entry that stands in both is left alone; a lift ends the very entry whose
reference it names and no other, so nothing that somebody said later is taken back by it. An entry that was written down
before the journal knew references comes back as standing: that errs on the side of the person, and two people can lift
it again.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from core import audit
from core.permissions import Permission
from core.users import Actor
from suppression import journal
from suppression.entries import OWN_HANDS
from suppression.journal_lines import Lift, Line
from suppression.wide_blocks import hold_gates

CHUNK = 5_000

Kind = TypeVar("Kind", Line, Lift)


@dataclass(frozen=True)
class ReadBack:
    """What came of it. `unknown`: lines whose address, domain, company or entry the database cannot name any more."""

    lines: int
    stored: int
    lifted: int
    known: int
    unknown: int


_ROWS = """
    SELECT * FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS n (
        place int, key text, domain text, below text[], company text, cause text, kind text, channel text, purpose text,
        controller_id bigint, at timestamptz, until timestamptz, source text, reference uuid)
"""

# Addresses that joined after the backup: their hashes are all that is needed to keep an objection.
_ADDRESSES = f"""
    INSERT INTO address (key, domain_key)
    SELECT DISTINCT ON (key) decode(key, 'hex'), decode(domain, 'hex') FROM ({_ROWS}) AS n
    WHERE key IS NOT NULL AND domain IS NOT NULL ORDER BY key ON CONFLICT (key) DO NOTHING
"""  # noqa: S608 - no text of a user in it

_LOCK = f"""
    SELECT a.id FROM address AS a WHERE a.key IN (SELECT decode(key, 'hex') FROM ({_ROWS}) AS n WHERE key IS NOT NULL)
    ORDER BY a.id FOR UPDATE
"""  # noqa: S608 - no text of a user in it

# A controller that the backup does not know is left out, and an absent one means all of them.
_STORE = f"""
    WITH named AS (
        SELECT DISTINCT ON (n.place) n.*, a.id AS address_id, c.id AS company_id, k.id AS controller,
               CASE WHEN n.key IS NULL THEN decode(n.domain, 'hex') END AS domain_key
        FROM ({_ROWS}) AS n
        LEFT JOIN address AS a ON a.key = decode(n.key, 'hex')
        LEFT JOIN company AS c ON n.key IS NULL AND n.domain IS NULL AND lower(c.name) = lower(n.company)
        LEFT JOIN controller AS k ON k.id = n.controller_id
        ORDER BY n.place, c.id
    ), whole AS (
        SELECT * FROM named WHERE num_nonnulls(address_id, domain_key, company_id) = 1
    ), stored AS (
        INSERT INTO suppression_entry
          (reference, address_id, domain_key, below, company_id, cause, at, until, source, channel, purpose,
           controller_id, evidence)
        SELECT DISTINCT ON
          (address_id, domain_key, below, company_id, cause, at, until, channel, purpose, controller, kind, reference)
          coalesce(reference, gen_random_uuid()), address_id, domain_key, below, company_id, cause, at, until, source,
          channel, purpose, controller,
          jsonb_strip_nulls(jsonb_build_object('restored_from', 'journal', 'kind', kind))
        FROM whole AS w WHERE NOT EXISTS (
            SELECT 1 FROM suppression_entry AS e
            WHERE (e.address_id = w.address_id OR e.domain_key = w.domain_key OR e.company_id = w.company_id)
              AND CASE WHEN w.reference IS NOT NULL THEN e.reference = w.reference ELSE
                (e.below IS NULL) = (w.below IS NULL) AND e.cause = w.cause AND e.at = w.at
                AND e.channel IS NOT DISTINCT FROM w.channel AND e.purpose IS NOT DISTINCT FROM w.purpose
                AND e.controller_id IS NOT DISTINCT FROM w.controller AND e.until IS NOT DISTINCT FROM w.until END)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM stored) AS stored, (SELECT count(*) FROM whole) AS whole
"""  # noqa: S608 - no text of a user in it


# What the person said is nobody's to lift, and nobody lifts alone: such a line was not written by us.
_LIFT = """
    WITH told AS (
        SELECT DISTINCT ON (e.id) e.id AS entry_id, n.* FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS n (
            lifts uuid, at timestamptz, asked_by text, agreed_by text)
        JOIN suppression_entry AS e ON e.reference = n.lifts
        WHERE lower(n.asked_by) <> lower(n.agreed_by) AND e.cause <> 'complaint'
          AND NOT (e.cause = 'opted_out' AND e.source = ANY (:own_hands))
        ORDER BY e.id, n.at
    ), stored AS (
        INSERT INTO suppression_lift (entry_id, at, asked_by, agreed_by, reason)
        SELECT entry_id, at, asked_by, agreed_by, 'restored from the journal' FROM told ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM stored) AS stored, (SELECT count(*) FROM told) AS whole
"""


def read_back(session: Session, *, actor: Actor) -> ReadBack:
    """Store every entry and lift of the journal that the database does not have. Doing it again stores nothing more."""
    actor.require(Permission.EDIT_SUPPRESSION)
    hold_gates(session)
    entries = _each(session, Line, _store)
    lifts = _each(session, Lift, _lift)
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id or None,
        action="suppression.restore",
        object_type="suppression_entry",
        object_id="journal",
        rows=entries.read + lifts.read,
        created=entries.stored,
        lifted=lifts.stored,
    )
    return ReadBack(
        lines=entries.read + lifts.read,
        stored=entries.stored,
        lifted=lifts.stored,
        known=entries.whole + lifts.whole - entries.stored - lifts.stored,
        unknown=entries.read + lifts.read - entries.whole - lifts.whole,
    )


@dataclass(frozen=True)
class _Pass:
    """What one reading of the journal came to: `whole` lines could be understood, `stored` of them were new."""

    read: int = 0
    stored: int = 0
    whole: int = 0


def _each(session: Session, kind: type[Kind], store: Callable[[Session, Sequence[Kind]], tuple[int, int]]) -> _Pass:
    done = _Pass()
    lines = (line for line in journal.read() if isinstance(line, kind))
    while chunk := list(islice(lines, CHUNK)):
        stored, whole = store(session, chunk)
        done = _Pass(done.read + len(chunk), done.stored + stored, done.whole + whole)
    return done


def _store(session: Session, chunk: Sequence[Line]) -> tuple[int, int]:
    values = {"lines": json.dumps(list(_plain(chunk)))}
    session.execute(text(_ADDRESSES), values)
    session.execute(text(_LOCK), values)
    row = session.execute(text(_STORE), values).one()
    return int(row.stored), int(row.whole)


def _lift(session: Session, chunk: Sequence[Lift]) -> tuple[int, int]:
    values = {"lines": json.dumps([vars(lift) for lift in chunk]), "own_hands": sorted(OWN_HANDS)}
    row = session.execute(text(_LIFT), values).one()
    return int(row.stored), int(row.whole)


def _plain(chunk: Iterable[Line]) -> Iterable[dict[str, object]]:
    for place, line in enumerate(chunk):
        yield vars(line) | {"place": place}
