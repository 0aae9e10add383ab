from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text

from contacts.models import Contact, Endpoint, RecipientChoice
from core import clock, users
from core.db import transaction
from core.permissions import Role
from lead_handover import activate, read, save_sales_person
from tests import factories
from tracking.models import Event

RULES = {
    "threshold": 30,
    "sla_hours": 24,
    "recycle_days": 30,
    "events": [
        {"name": "click", "kind": "click", "points": 20, "half_life_days": 14, "cap": 60},
        {"name": "open", "kind": "open", "points": 5, "half_life_days": 7, "cap": 15},
    ],
}


class Office:
    """A company with readers, salespeople and score rules; what a test does with them."""

    def __init__(self, names=("ada", "bob", "cid")):
        with transaction() as session:
            self.addresses = factories.people(session, list(names))
            owners = select(Endpoint.address_id, Endpoint.contact_id)
            by_address = dict(session.execute(owners).all())
            self.contacts = {name: by_address[address] for name, address in self.addresses.items()}
            for address in self.addresses.values():
                session.execute(insert(RecipientChoice).values(address_id=address, tracking="individual"))
            users.add(session, email="sue@shop.example", role=Role.SALES)
            users.add(session, email="sam@shop.example", role=Role.SALES)
            users.add(session, email="mia@shop.example", role=Role.MARKETER)
            self.messages = 0

    def rules(self, **more):
        with transaction() as session:
            activate(session, read(RULES | more), actor="mia@shop.example", now=clock.now())

    def seller(self, user, **territory):
        with transaction() as session:
            save_sales_person(session, user=user, actor="mia@shop.example", territory=territory)

    def click(self, name, *, times=1, days_ago=0.0, kind="click", verdict="human"):
        with transaction() as session:
            for _ in range(times):
                self.messages += 1
                at = clock.now() - timedelta(days=days_ago)
                session.execute(
                    insert(Event).values(
                        at=at,
                        kind=kind,
                        verdict=verdict,
                        address_id=self.addresses[name],
                        message_id=self.messages,
                        run_id=1,
                    )
                )

    def actor(self, email):
        with transaction() as session:
            return users.actor(session, email)

    def rows(self, query):
        with transaction() as session:
            return session.execute(text(query)).all()

    def field(self, name, **values):
        with transaction() as session:
            contact = session.get(Contact, self.contacts[name])
            for key, value in values.items():
                setattr(contact, key, value)


@pytest.fixture
def office(database):
    return Office()
