"""Objections as they are stored: all that come in the same moment in one transaction, with one wait for the disk.

An address that somebody else has locked, such as the gate, holds up nobody but the person behind it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from contacts import Withdrawal, Withdrawn, withdraw_consents
from contacts.models import Address, Channel
from core import clock
from core.db import transaction
from delivery import still_busy
from delivery.models import Run, Sender
from preferences.recipient import purpose_of
from preferences.visits import Visit
from suppression import Cause, NewEntry, add_many
from tracking import EventKind, Happening, MessageToken, record


class Scope(StrEnum):
    """What is to stop: mail of the kind that led here, or everything on every channel (Art. 21(2) GDPR)."""

    LIST = "list"
    EVERYTHING = "everything"


@dataclass(frozen=True)
class Objection:
    """Somebody says no, by the token of a mail. `at`: when it was heard. An absent purpose or controller means all."""

    token: MessageToken
    scope: Scope
    through: str
    visit: Visit
    at: datetime
    purpose: str | None = None
    controller_id: int | None = None

    @property
    def channel(self) -> str | None:
        """What the entry is about."""
        return None if self.scope is Scope.EVERYTHING else Channel.EMAIL.value

    @property
    def reach(self) -> tuple[object, ...]:
        """Two objections with the same reach are one."""
        return self.token.address_id, self.channel, self.purpose, self.controller_id


class Fate(StrEnum):
    """What became of an objection: stored now or before, locked by somebody, or of an address that nobody knows."""

    NEW = "new"
    KNOWN = "known"
    LOCKED = "locked"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Stored:
    """An objection with its fate. `is_quiet`: it stands, and no mail to the address is on its way."""

    objection: Objection
    fate: Fate
    is_quiet: bool = False


def store(objections: Sequence[Objection], *, waiting: bool = False) -> list[Stored]:
    """Store what can be stored without waiting for somebody's lock, or `waiting`, and look whether mail is on its way.

    Opens its own transactions. The same objection again is no second entry.
    """
    with transaction() as session:
        known = _with_reach(session, objections)
        fates = _fates(session, known, waiting=waiting)
        new = [each for each, fate in zip(known, fates, strict=True) if fate is Fate.NEW]
        add_many(session, [_entry(each) for each in new])
    stand = {each.token.address_id for each, fate in zip(known, fates, strict=True) if fate in {Fate.NEW, Fate.KNOWN}}
    quiet = stand - still_busy(stand) if stand else set()
    return [Stored(each, fate, each.token.address_id in quiet) for each, fate in zip(known, fates, strict=True)]


def note(objections: Sequence[Objection]) -> list[None]:
    """The ledger and the consents' own record follow the objections; they stop nothing by themselves."""
    with transaction() as session:
        record(session, EventKind.UNSUBSCRIBE, [_happening(each) for each in objections])
        withdraw_consents(session, [_withdrawal(each) for each in objections])
    return [None] * len(objections)


def _with_reach(session: Session, objections: Sequence[Objection]) -> list[Objection]:
    """What the mails of these tokens were about; of a run that was erased it is the newsletter of every controller."""
    runs = {each.token.run_id for each in objections}
    query = select(Run.id, Run.purpose, Sender.controller_id).join(Sender, Sender.id == Run.sender_id)
    about: dict[int, Any] = {row.id: row for row in session.execute(query.where(Run.id.in_(runs)))}
    found = []
    for each in objections:
        run = about.get(each.token.run_id)
        if each.scope is Scope.EVERYTHING:
            found.append(each)
        else:
            purpose = purpose_of(run.purpose if run else None)
            found.append(replace(each, purpose=purpose, controller_id=run.controller_id if run else None))
    return found


def _fates(session: Session, objections: Sequence[Objection], *, waiting: bool) -> list[Fate]:
    wanted = {each.token.address_id for each in objections}
    rows = select(Address.id).where(Address.id.in_(wanted)).order_by(Address.id)
    ours = set(session.scalars(rows.with_for_update(skip_locked=not waiting)))
    others = set(session.scalars(rows.where(Address.id.in_(wanted - ours)))) if wanted - ours else set()
    standing = _standing(session, [each for each in objections if each.token.address_id in ours])
    fates, seen = [], set(standing)
    for each in objections:
        if each.token.address_id not in ours:
            fates.append(Fate.LOCKED if each.token.address_id in others else Fate.UNKNOWN)
        else:
            fates.append(Fate.KNOWN if each.reach in seen else Fate.NEW)
            seen.add(each.reach)
    return fates


# Whether this very objection is stored, not lifted, and not answered by a later confirmation.
_STANDING = """
    SELECT n.address_id, n.channel, n.purpose, n.controller_id
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
         AS n (address_id bigint, channel text, purpose text, controller_id bigint)
    CROSS JOIN LATERAL (
        SELECT max(e.at) AS at FROM suppression_entry AS e
        WHERE e.address_id = n.address_id AND e.cause = 'opted_out' AND e.channel IS NOT DISTINCT FROM n.channel
          AND e.purpose IS NOT DISTINCT FROM n.purpose AND e.controller_id IS NOT DISTINCT FROM n.controller_id
          AND NOT EXISTS (SELECT 1 FROM suppression_lift AS l WHERE l.entry_id = e.id)
    ) AS latest
    WHERE latest.at IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM consent AS c WHERE c.address_id = n.address_id AND c.confirmed_at >= latest.at)
"""


def _standing(session: Session, objections: Sequence[Objection]) -> set[tuple[object, ...]]:
    names = ("address_id", "channel", "purpose", "controller_id")
    rows = [dict(zip(names, each.reach, strict=True)) for each in objections]
    return {tuple(row) for row in session.execute(text(_STANDING), {"rows": json.dumps(rows)})} if rows else set()


def _entry(objection: Objection) -> NewEntry:
    token = objection.token
    return NewEntry(
        address_id=token.address_id,
        cause=Cause.OPTED_OUT,
        at=objection.at,
        source=objection.through,
        channel=objection.channel,
        purpose=objection.purpose,
        controller_id=objection.controller_id,
        evidence={"message_id": token.message_id, "run_id": token.run_id},
    )


def _happening(objection: Objection) -> Happening:
    token = objection.token
    return Happening(at=objection.at, address_id=token.address_id, message_id=token.message_id, run_id=token.run_id)


def _withdrawal(objection: Objection) -> Withdrawal:
    message = objection.token.message_id
    return Withdrawal(
        address_id=objection.token.address_id,
        at=objection.at,
        evidence=Withdrawn(
            through=objection.through,
            ip=objection.visit.ip,
            user_agent=objection.visit.user_agent,
            message_id=message,
            evidence_ref=f"message:{message}",
        ),
        controller_id=objection.controller_id,
        channel=None if objection.scope is Scope.EVERYTHING else Channel.EMAIL,
        purpose=objection.purpose,
    )


def heard(token: MessageToken, *, scope: Scope, through: str, visit: Visit) -> Objection:
    """An objection of this moment."""
    return Objection(token, scope, through, visit, clock.now())


def noted(objection: Objection) -> Objection:
    """The same, as it is written down now that no mail is on its way any more."""
    return replace(objection, at=clock.now())
