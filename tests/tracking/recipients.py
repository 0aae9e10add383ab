"""Addresses with a tracking choice, for the tests of tracking."""

from datetime import UTC, datetime

from sqlalchemy import insert

from contacts.models import Address, RecipientChoice, TrackingLevel
from core.db import transaction
from core.keys import address_key

SENT = int(datetime(2026, 11, 20, 9, 0, tzinfo=UTC).timestamp())


def address(name: str, *, level: TrackingLevel | None = TrackingLevel.INDIVIDUAL) -> int:
    """An address whose owner allows `level`; None: never said anything."""
    with transaction() as session:
        key = address_key(f"{name}@mail.example")
        new = insert(Address).values(key=key, domain_key=address_key("@mail.example")).returning(Address.id)
        number = session.scalars(new).one()
        if level is not None:
            session.execute(insert(RecipientChoice).values(address_id=number, tracking=level))
    return number
