"""Entries of the suppression list: added at once, kept for good, lifted only by two people.

An entry names an address by its keyed hash, so it outlives the contact and is there when the address comes back with
the next import. A person who wants mail again simply confirms a new opt-in: a later confirmation answers an earlier
objection, and no entry needs to be touched.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from contacts.models import Address
from core import audit, clock, keys
from core.db import after_commit
from core.errors import NotAllowed, NotFound
from core.sentences import say
from core.users import Actor
from suppression import journal
from suppression.models import Cause, SuppressionEntry, SuppressionLift


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
    by_domain: bool
    evidence: dict[str, Any]
    recorded_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str | None


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
    SELECT added.*, encode(a.key, 'hex') AS key
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
    wanted = sorted({entry.address_id for entry in entries})
    locked = {row.id for row in session.execute(text(_LOCK), {"ids": wanted})}
    if missing := [address_id for address_id in wanted if address_id not in locked]:
        raise NotFound("address_unknown", say("There is no address with the id %(address_id)s.", address_id=missing[0]))
    added = session.execute(text(_ADD), {"rows": json.dumps([_as_row(entry) for entry in entries])}).all()
    lines = [_as_line(row) for row in added]
    after_commit(session, lambda: journal.append(lines))
    return len(added)


def _as_row(entry: NewEntry) -> dict[str, Any]:
    moment = clock.require_aware(entry.at).isoformat()
    return vars(entry) | {"cause": Cause(entry.cause).value, "at": moment}


def _as_line(row: Any) -> journal.Line:
    return journal.Line(
        entry=row.id,
        key=row.key,
        cause=row.cause,
        channel=row.channel,
        purpose=row.purpose,
        controller_id=row.controller_id,
        at=row.at.isoformat(),
        source=row.source,
    )


def block_domain(session: Session, *, domain: str, actor: Actor, reason: str) -> int:
    """Write to nobody at this domain (an A-label in small letters) any more, on no channel and for no purpose."""
    entry = session.execute(
        insert(SuppressionEntry)
        .values(
            domain_key=keys.address_key(f"@{domain.lower()}"),
            cause=Cause.INTERNAL_BLOCK,
            at=clock.now(),
            source=f"user:{actor.email}",
            evidence={"reason": reason},
        )
        .returning(SuppressionEntry.id)
    ).scalar_one()
    _note(session, actor=actor, action="suppression.block_domain", entry_id=entry, reason=reason)
    return entry


def lift(session: Session, *, entry_id: int, asked_by: str, agreed_by: Actor, reason: str) -> None:
    """Let an entry no longer count. The person who asked cannot be the one who agrees, and there must be a reason."""
    if asked_by.strip().lower() == agreed_by.email.lower():
        raise NotAllowed("second_person_needed", say("Who asks for an entry to be lifted cannot agree to it."))
    if not reason.strip():
        raise NotAllowed("reason_needed", say("An entry is lifted for a reason only."), say("Write down why."))
    if session.get(SuppressionEntry, entry_id) is None:
        raise NotFound("entry_unknown", say("There is no entry %(entry_id)s.", entry_id=entry_id))
    if session.get(SuppressionLift, entry_id) is not None:
        raise NotAllowed("entry_lifted", say("The entry %(entry_id)s is lifted already.", entry_id=entry_id))
    session.execute(
        insert(SuppressionLift).values(
            entry_id=entry_id, asked_by=asked_by.strip().lower(), agreed_by=agreed_by.email, reason=reason.strip()
        )
    )
    _note(session, actor=agreed_by, action="suppression.lift", entry_id=entry_id, reason=reason, asked_by=asked_by)


def _note(session: Session, *, actor: Actor, action: str, entry_id: int, reason: str, **details: Any) -> None:
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action=action,
        object_type="suppression_entry",
        object_id=entry_id,
        reason=reason,
        **details,
    )


def entries(session: Session, *, address_id: int) -> list[Entry]:
    """Everything that stands against an address, or once did; the newest first. Domain entries included."""
    rows = session.execute(
        select(SuppressionEntry, SuppressionLift)
        .join(
            Address,
            (Address.id == SuppressionEntry.address_id) | (Address.domain_key == SuppressionEntry.domain_key),
        )
        .outerjoin(SuppressionLift, SuppressionLift.entry_id == SuppressionEntry.id)
        .where(Address.id == address_id)
        .order_by(SuppressionEntry.at.desc(), SuppressionEntry.id.desc())
    )
    return [_as_entry(entry, lifted) for entry, lifted in rows]


def _as_entry(entry: SuppressionEntry, lifted: SuppressionLift | None) -> Entry:
    return Entry(
        id=entry.id,
        cause=entry.cause,
        at=entry.at,
        source=entry.source,
        channel=entry.channel,
        purpose=entry.purpose,
        controller_id=entry.controller_id,
        by_domain=entry.domain_key is not None,
        evidence=entry.evidence,
        recorded_at=entry.recorded_at,
        lifted_at=lifted.at if lifted else None,
        lifted_by=lifted.agreed_by if lifted else None,
        lift_reason=lifted.reason if lifted else None,
    )
