"""Everything that is known about whether one address may be written to, for the page where people look it up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from contacts.models import Address, Channel, Controller, Endpoint
from suppression.assessment import assess
from suppression.gathering import Question
from suppression.models import ListHit, ListVersion, VersionState


@dataclass(frozen=True)
class VerdictNow:
    """What the gate would answer at this moment, for one controller."""

    controller: str
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
        found += [_verdict(row, controller.name, purpose) for row in session.execute(select(rows))]
    return found


def _verdict(row: Any, controller: str, purpose: str) -> VerdictNow:
    return VerdictNow(
        controller=controller,
        purpose=purpose,
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
