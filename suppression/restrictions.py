"""Restriction of processing (Art. 18 GDPR): the data stay, and nobody uses them or sees them but compliance.

It is an entry of the list like any other, so that the gate knows it and only two people can end it.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session

from contacts import hide_contacts
from contacts.models import Endpoint
from core import clock
from suppression.entries import add
from suppression.models import Cause, SuppressionEntry, SuppressionLift


def is_restricted(contact_id: ColumnElement[Any] | Any) -> ColumnElement[bool]:
    """SQL: whether the contact with this id has an address whose data may not be used now."""
    return restricted_contacts().where(Endpoint.contact_id == contact_id).exists()


def restricted_contacts() -> Select[Any]:
    """SQL: the ids of all contacts with an address whose data may not be used now. They are few."""
    entry = SuppressionEntry
    return (
        select(Endpoint.contact_id)
        .where(entry.address_id == Endpoint.address_id)
        .where(entry.cause == Cause.RESTRICTED, or_(entry.until.is_(None), entry.until > func.now()))
        .where(~exists().where(SuppressionLift.entry_id == entry.id))
    )


def restricted(session: Session, contact_id: int) -> bool:
    """Whether the data of this person may not be used now."""
    return bool(session.scalar(select(is_restricted(contact_id))))


def restrict(session: Session, *, address_ids: list[int], source: str, reason: str, at: datetime | None = None) -> int:
    """Let the data behind these addresses be used no more; answers how many of them are newly restricted."""
    moment = at or clock.now()
    return sum(
        add(
            session,
            address_id=address_id,
            cause=Cause.RESTRICTED,
            at=moment,
            source=source,
            evidence={"reason": reason},
        )
        for address_id in sorted(address_ids)
    )


hide_contacts(is_restricted)
