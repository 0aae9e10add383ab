"""People, senders and runs for tests: the shortest way to a state that the product could be in."""

from datetime import timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from contacts import email_address, ensure_addresses
from contacts.consent_models import Consent
from contacts.models import Channel, Contact, Controller, Endpoint
from core import clock
from delivery.models import Sender


def controller(session: Session, code: str = "shop") -> int:
    """The legal entity that writes; made once."""
    found = session.scalar(select(Controller.id).where(Controller.code == code))
    if found is not None:
        return found
    made = Controller(code=code, name="Shop", imprint="Shop GmbH, Wien", country="AT")
    session.add(made)
    session.flush()
    return made.id


def sender(session: Session, code: str = "news", **values: object) -> Sender:
    """A sender whose mail leaves without a signature unless told otherwise."""
    defaults = {"from_name": "Shop", "from_address": "news@shop.example", "return_domain": "bounce.shop.example"}
    made = Sender(code=code, controller_id=controller(session), **defaults | values)
    session.add(made)
    session.flush()
    return made


def people(session: Session, names: list[str], *, country: str = "DE", consent: bool = True) -> dict[str, int]:
    """Contacts `<name>@mail.example` with a fresh consent to the newsletter. Answers name → address id."""
    emails = {name: email_address(f"{name}@mail.example") for name in names}
    ids = ensure_addresses(session, emails.values())
    addresses = {name: ids[email.key] for name, email in emails.items()}
    rows = [{"number": name, "first_name": name.title(), "country": country, "kind": "b2c"} for name in names]
    session.execute(insert(Contact), rows)
    contacts = dict(session.execute(select(Contact.number, Contact.id).where(Contact.number.in_(names))).all())
    endpoints = [
        {"contact_id": contacts[n], "channel": Channel.EMAIL, "address_id": addresses[n], "value": emails[n].value}
        for n in names
    ]
    session.execute(insert(Endpoint), endpoints)
    if consent:
        confirmed, house = clock.now() - timedelta(days=30), controller(session)
        consents = [
            {
                "address_id": addresses[name], "controller_id": house, "channel": Channel.EMAIL,
                "purpose": "newsletter", "basis": "double_opt_in", "requested_at": confirmed, "confirmed_at": confirmed,
            }
            for name in names
        ]  # fmt: skip
        session.execute(insert(Consent), consents)
    return addresses
