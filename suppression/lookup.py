"""Everything that is known about whether one address may be written to, for the page where people look it up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from contacts import email_address
from contacts.consent_models import Consent
from contacts.models import Address, Channel, Controller, Endpoint
from core import keys
from suppression.assessment import assess
from suppression.block_targets import HASH
from suppression.gathering import Question
from suppression.lift_models import Permit
from suppression.models import (
    DecisionContext,
    ListHit,
    ListVersion,
    Stage,
    StoredDecision,
    SuppressionEntry,
    VersionState,
)
from suppression.rules import ANSWERS
from tracking.models import Exposure


@dataclass(frozen=True)
class VerdictNow:
    """What the gate would answer at this moment, for one controller."""

    controller: str
    channel: str
    purpose: str
    verdict: str
    reasons: list[str]
    basis: str | None
    consent_id: int | None
    purchase_id: int | None
    entry_id: int | None


@dataclass(frozen=True)
class Listing:
    """A list in force that names the address, itself or by its domain."""

    list_id: str
    version: int
    published_at: datetime
    by_domain: bool


def verdicts_now(
    session: Session, *, address_id: int, channel: Channel = Channel.EMAIL, purpose: str = "newsletter"
) -> list[VerdictNow]:
    """Ask the rules about one address, once for each controller. Nothing is stored."""
    recipient = (
        select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Address.id.label("address_id"))
        .select_from(Address)
        .outerjoin(Endpoint, and_(Endpoint.address_id == Address.id, Endpoint.channel == channel))
        .where(Address.id == address_id)
    )
    found = []
    for controller in session.scalars(select(Controller).order_by(Controller.id)):
        question = Question(channel=channel, purpose=purpose, controller_id=controller.id)
        rows = assess(session, audience=recipient, question=question).rows
        found += [_verdict(row, controller.name, question) for row in session.execute(select(rows))]
    return found


def _verdict(row: Any, controller: str, question: Question) -> VerdictNow:
    return VerdictNow(
        controller=controller,
        channel=str(question.channel),
        purpose=question.purpose,
        verdict=str(row.verdict),
        reasons=list(row.reasons),
        basis=row.basis,
        consent_id=row.consent_id,
        purchase_id=row.purchase_id,
        entry_id=row.entry_id,
    )


def listings(session: Session, *, address_id: int) -> list[Listing]:
    """The lists in force that name this address."""
    rows = session.execute(
        select(ListVersion.list_id, ListVersion.id, ListVersion.published_at, ListHit.by_domain)
        .join(ListHit, ListHit.version_id == ListVersion.id)
        .where(ListHit.address_id == address_id, ListVersion.state == VersionState.ACTIVE)
    )
    return [Listing(*row) for row in rows]


@dataclass(frozen=True)
class Found:
    """An address that was looked up. `value` and `contact_id` are absent when only its hash is left."""

    address_id: int
    digest: str
    value: str | None
    contact_id: int | None
    since: datetime


def look_up(session: Session, what: str) -> Found | None:
    """What an address or its keyed hash (64 hexadecimal digits) stands for here; None when it was never seen.

    Text that is neither is `WrongInput`.
    """
    digits = what.strip().lower().removeprefix(HASH)
    if len(digits) == 2 * SHA256_BYTES and set(digits) <= set("0123456789abcdef"):
        key = bytes.fromhex(digits)
    else:
        key = keys.address_key(email_address(what).key)
    row = session.execute(
        select(Address.id, Address.key, Address.created_at, Endpoint.value, Endpoint.contact_id)
        .outerjoin(Endpoint, Endpoint.address_id == Address.id)
        .where(Address.key == key)
        .order_by(Endpoint.id)
        .limit(1)
    ).first()
    return Found(row.id, row.key.hex(), row.value, row.contact_id, row.created_at) if row else None


SHA256_BYTES = 32


def every_verdict_now(session: Session, *, address_id: int) -> list[VerdictNow]:
    """What the gate would answer at this moment, for every channel, purpose and controller that matter to an address.

    Channels: those on which it reaches somebody. Purposes: the newsletter, answers, and whatever the person agreed to
    or objected to or was ever written to for. Nothing is stored.
    """
    channels = session.scalars(select(Endpoint.channel).where(Endpoint.address_id == address_id).distinct()).all()
    purposes = {"newsletter", *ANSWERS}
    for table in (Consent, SuppressionEntry, Exposure):
        purposes |= set(session.scalars(select(table.purpose).where(table.address_id == address_id).distinct()))
    return [
        found
        for channel in sorted(channels or [Channel.EMAIL])
        for purpose in sorted(purpose for purpose in purposes if purpose)
        for found in verdicts_now(session, address_id=address_id, channel=channel, purpose=purpose)
    ]


@dataclass(frozen=True)
class Reserved:
    """What another system asked to send. `given_to` and `valid_until` are absent where it was refused."""

    decision: int
    decided_at: datetime
    channel: str
    purpose: str
    verdict: str
    reasons: list[str]
    rules_version: int
    given_to: str | None
    valid_until: datetime | None


def reservations(session: Session, *, address_id: int, most: int = 100) -> list[Reserved]:
    """The latest decisions about messages that other systems asked to send to an address, newest first."""
    rows = session.execute(
        select(StoredDecision, DecisionContext, Permit.given_to, Permit.valid_until)
        .join(DecisionContext, DecisionContext.batch_id == StoredDecision.batch_id)
        .outerjoin(Permit, Permit.decision_id == StoredDecision.id)
        .where(
            StoredDecision.address_id == address_id,
            StoredDecision.message_id.is_(None),
            # People in a file of ours were decided about for that file, and no other system asked.
            DecisionContext.stage != Stage.EXPORT,
        )
        .order_by(StoredDecision.id.desc())
        .limit(most)
    )
    return [
        Reserved(
            decision=decision.id,
            decided_at=context.decided_at,
            channel=context.channel,
            purpose=context.purpose,
            verdict=decision.verdict,
            reasons=list(decision.reasons),
            rules_version=context.rules_version,
            given_to=given_to,
            valid_until=valid_until,
        )
        for decision, context, given_to, valid_until in rows
    ]
