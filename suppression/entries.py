"""Entries of the suppression list: added at once, kept for good. `suppression.lifting` says how one stops to count.

An entry names an address by its keyed hash, so it outlives the contact and is there when the address comes back with
the next import. A person who wants mail again simply confirms a new opt-in: a later confirmation answers an earlier
objection, and no entry needs to be touched.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core import clock
from core.db import after_commit
from core.errors import NotFound
from core.sentences import say
from suppression import journal_gaps
from suppression.journal_lines import Line, Said
from suppression.models import Cause, SuppressionEntry, SuppressionLift

# Where entries come from that the person made with the own hands.
OWN_HANDS = frozenset({"one_click", "page", "preferences", "mailto", "provider"})


@dataclass(frozen=True)
class NewEntry:
    """An objection to be stored. `at`: when the person spoke, not when we heard. Absent scope means all."""

    address_id: int
    cause: Cause
    at: datetime
    source: str
    channel: str | None = None
    purpose: str | None = None
    controller_id: int | None = None
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One stored entry, and who lifted it if it no longer counts."""

    id: int
    cause: Cause
    at: datetime
    source: str
    channel: str | None
    purpose: str | None
    controller_id: int | None
    until: datetime | None
    by_domain: bool
    by_company: bool
    evidence: dict[str, Any]
    recorded_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str | None

    @property
    def own_word(self) -> bool:
        """Whether it is the person's alone to answer: see `own_word`."""
        return own_word(cause=self.cause, source=self.source)


# Rows of addresses are locked in the order of their ids, so that two imports never wait for each other. The gate shares
# these locks: either it sees the entry, or the entry waits until the message that it let pass is on record.
_LOCK = "SELECT id FROM address WHERE id = ANY (:ids) ORDER BY id FOR UPDATE"

_ADD = """
    WITH new AS (
        SELECT DISTINCT ON (address_id, cause, channel, purpose, controller_id, at) *
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n (
            address_id bigint, cause text, at timestamptz, source text, channel text, purpose text,
            controller_id bigint, evidence jsonb)
    ), added AS (
        INSERT INTO suppression_entry (address_id, cause, at, source, channel, purpose, controller_id, evidence)
        SELECT address_id, cause, at, source, channel, purpose, controller_id, evidence FROM new AS n
        WHERE NOT EXISTS (
            SELECT 1 FROM suppression_entry AS e WHERE e.address_id = n.address_id AND e.cause = n.cause AND e.at = n.at
              AND e.channel IS NOT DISTINCT FROM n.channel AND e.purpose IS NOT DISTINCT FROM n.purpose
              AND e.controller_id IS NOT DISTINCT FROM n.controller_id)
        ORDER BY address_id, at RETURNING *
    )
    SELECT added.*, encode(a.key, 'hex') AS key, encode(a.domain_key, 'hex') AS domain, NULL AS company
    FROM added JOIN address AS a ON a.id = added.address_id ORDER BY added.id
"""


def add(
    session: Session,
    *,
    address_id: int,
    cause: Cause,
    at: datetime,
    source: str,
    channel: str | None = None,
    purpose: str | None = None,
    controller_id: int | None = None,
    evidence: dict[str, Any] | None = None,
) -> bool:
    """Store one entry and lock the address until the transaction ends; answers whether it is new.

    From the commit on nothing is handed over to this address in the scope of the entry; a message that is in handover
    at that moment is for the caller to wait for. The same entry again is no second one. The address must exist (see
    `contacts.ensure_addresses`); a missing one is `NotFound`.
    """
    entry = NewEntry(address_id, cause, at, source, channel, purpose, controller_id, evidence or {})
    return add_many(session, [entry]) == 1


def add_many(session: Session, entries: Sequence[NewEntry]) -> int:
    """Store many entries at once; answers how many are new. The journal has them before the caller's answer leaves."""
    lock_addresses(session, [entry.address_id for entry in entries])
    added = session.execute(text(_ADD), {"rows": json.dumps([_as_row(entry) for entry in entries])}).all()
    lines: list[Said] = [as_line(row) for row in added]
    after_commit(session, lambda: journal_gaps.write(lines))
    return len(added)


def lock_addresses(session: Session, address_ids: Sequence[int]) -> None:
    """Hold addresses until the transaction ends; one that does not exist is `NotFound`."""
    wanted = sorted(set(address_ids))
    locked = {row.id for row in session.execute(text(_LOCK), {"ids": wanted})}
    if missing := [address_id for address_id in wanted if address_id not in locked]:
        raise NotFound("address_unknown", say("There is no address with the id %(address_id)s.", address_id=missing[0]))


def _as_row(entry: NewEntry) -> dict[str, Any]:
    moment = clock.require_aware(entry.at).isoformat()
    return vars(entry) | {"cause": Cause(entry.cause).value, "at": moment}


def own_word(*, cause: Cause, source: str) -> bool:
    """Whether only the person's own confirmed opt-in answers such an entry (Art. 21(3) GDPR, Art. 7(3) GDPR)."""
    return cause is Cause.COMPLAINT or (cause is Cause.OPTED_OUT and source in OWN_HANDS)


def as_line(row: Any) -> Line:
    """A stored row with the `key` of its address, the hash of its `domain` and the name of its `company`."""
    return Line(
        entry=row.id,
        key=row.key,
        cause=row.cause,
        channel=row.channel,
        purpose=row.purpose,
        controller_id=row.controller_id,
        at=row.at.isoformat(),
        source=row.source,
        domain=row.domain,
        below=row.below,
        company=row.company,
        until=row.until.isoformat() if row.until else None,
        kind=row.evidence.get("kind"),
        reference=str(row.reference),
    )


def entries(session: Session, *, address_id: int) -> list[Entry]:
    """Everything that stands against an address, or once did; the newest first.

    Entries about its domain, about a domain above that and about the company of its contact are among them.
    """
    ids = session.scalars(text(_ABOUT), {"address": address_id}).all()
    rows = session.execute(
        select(SuppressionEntry, SuppressionLift)
        .outerjoin(SuppressionLift, SuppressionLift.entry_id == SuppressionEntry.id)
        .where(SuppressionEntry.id.in_(ids))
        .order_by(SuppressionEntry.at.desc(), SuppressionEntry.id.desc())
    )
    return [_as_entry(entry, lifted) for entry, lifted in rows]


_ABOUT = """
    SELECT id FROM suppression_entry WHERE address_id = :address
    UNION SELECT e.id FROM address AS a JOIN suppression_entry AS e ON e.domain_key = a.domain_key WHERE a.id = :address
    UNION SELECT e.id FROM endpoint AS n JOIN contact AS c ON c.id = n.contact_id
      JOIN suppression_entry AS e ON e.company_id = c.company_id WHERE n.address_id = :address
    UNION SELECT e.id FROM endpoint AS n JOIN suppression_entry AS e ON e.below IS NOT NULL AND EXISTS (
        SELECT 1 FROM unnest(e.below) AS domain WHERE right(lower(n.value), length(domain) + 1) = '.' || domain)
      WHERE n.address_id = :address
"""


def _as_entry(entry: SuppressionEntry, lifted: SuppressionLift | None) -> Entry:
    return Entry(
        id=entry.id,
        cause=entry.cause,
        at=entry.at,
        source=entry.source,
        channel=entry.channel,
        purpose=entry.purpose,
        controller_id=entry.controller_id,
        until=entry.until,
        by_domain=entry.domain_key is not None,
        by_company=entry.company_id is not None,
        evidence=entry.evidence,
        recorded_at=entry.recorded_at,
        lifted_at=lifted.at if lifted else None,
        lifted_by=lifted.agreed_by if lifted else None,
        lift_reason=lifted.reason if lifted else None,
    )
