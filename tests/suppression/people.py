"""People for the tests of this stage: a contact with one address, and what is known about it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from contacts.consent_models import Consent
from contacts.models import Address, Channel, Contact, Endpoint, Kind, Purchase
from core import keys, users
from core.db import transaction
from core.permissions import Role
from suppression import Question
from suppression.lists.entrance import Approval

QUESTION = Question(channel="email", purpose="newsletter", controller_id=1)


def approval(reason: str = "the new edition", *, role: Role = Role.COMPLIANCE, shrunk: bool = False) -> Approval:
    """Somebody of this role who lets a version of a list replace another."""
    email = f"{role}@firma.example"
    with transaction() as session:
        if not session.scalar(select(users.User.id).where(users.User.email == email)):
            users.add(session, email=email, role=role)
        return Approval(users.actor(session, email), reason, shrunk=shrunk)


@dataclass(frozen=True)
class Person:
    contact_id: int
    endpoint_id: int
    address_id: int
    email: str


def person(
    session: Session,
    email: str,
    *,
    country: str | None = "DE",
    kind: Kind = Kind.B2C,
    company_id: int | None = None,
) -> Person:
    contact = Contact(country=country, kind=kind, company_id=company_id, fields={})
    address = address_of(email)
    session.add_all([contact, address])
    session.flush()
    endpoint = Endpoint(contact_id=contact.id, channel=Channel.EMAIL, address_id=address.id, value=email)
    session.add(endpoint)
    session.flush()
    return Person(contact.id, endpoint.id, address.id, email)


def address_of(email: str) -> Address:
    key = email.lower()
    return Address(key=keys.address_key(key), domain_key=keys.address_key("@" + key.rpartition("@")[2]))


def consents(
    session: Session,
    who: Person,
    *,
    confirmed_at: datetime | None,
    requested_at: datetime | None = None,
    withdrawn_at: datetime | None = None,
) -> Consent:
    consent = Consent(
        address_id=who.address_id,
        controller_id=1,
        channel=Channel.EMAIL,
        purpose="newsletter",
        basis="double_opt_in",
        requested_at=requested_at or confirmed_at,
        confirmed_at=confirmed_at,
        withdrawn_at=withdrawn_at,
    )
    session.add(consent)
    session.flush()
    return consent


def buys(
    session: Session, who: Person, *, number: str, ordered_at: datetime, notice: bool = True, **more: object
) -> Purchase:
    purchase = Purchase(
        number=number, contact_id=who.contact_id, ordered_at=ordered_at, amount=10, objection_notice_shown=notice,
        **{"kind": "order", **more},
    )  # fmt: skip
    session.add(purchase)
    session.flush()
    return purchase


def everybody() -> Select[tuple[int, int, int]]:
    return select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id)
