"""A small world to ask segments of, and a plain reading of every condition to compare the SQL with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from contacts.consent_models import Consent as ConsentRow
from contacts.models import Address, Contact, Controller, Endpoint, FieldDefinition, FieldType, Purchase
from core import db
from segments.definition import All, AnyOf, Clicked, Consent, FieldCondition, Not, Opened, Purchases, Received
from segments.evaluation import fits, holds
from segments.fields import MEASURES, Fields, Known, measured
from tracking.models import Event, Exposure, Link

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIELDS = Fields(
    [
        Known("age", FieldType.INTEGER, custom=True),
        Known("balance", FieldType.NUMBER, custom=True),
        Known("job", FieldType.TEXT, custom=True),
        Known("plan", FieldType.CHOICE, custom=True, choices=frozenset({"basic", "plus"})),
        Known("housing_loan", FieldType.BOOLEAN, custom=True),
        Known("joined", FieldType.DATE, custom=True),
    ]
)
LINKS = {1: "https://shop.example/100%_off?a=1", 2: "https://shop.example/100ab_off"}


@dataclass
class Person:
    first_name: str | None = None
    country: str | None = None
    created_at: datetime = NOW
    emails: tuple[str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    consents: list[dict[str, Any]] = field(default_factory=list)
    purchases: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    exposures: list[dict[str, Any]] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        standard = {"first_name": self.first_name, "country": self.country, "created_at": self.created_at}
        return self.fields | standard | {"email": self.emails, "kind": "b2c"}


def settle(session: Session) -> None:
    """What every world has."""
    known = [known for known in FIELDS.values() if known.custom]
    session.execute(
        insert(FieldDefinition),
        [{"name": k.name, "label": k.name, "type": k.type, "choices": sorted(k.choices) or None} for k in known],
    )
    session.execute(insert(Controller).values(code="bank", name="Bank", imprint="x", country="AT"))
    session.execute(insert(Link), [{"run_id": 1, "position": n, "target": target} for n, target in LINKS.items()])


@contextmanager
def passing() -> Iterator[Session]:
    """A world of which nothing stays."""
    with Session(db.engine()) as session:
        yield session
        session.rollback()


def move_in(session: Session, people: list[Person]) -> list[int]:
    """Store people; answers their contact ids in order."""
    return [_move_in(session, person, number) for number, person in enumerate(people)]


def _move_in(session: Session, person: Person, number: int) -> int:
    contact = Contact(
        first_name=person.first_name,
        country=person.country,
        created_at=person.created_at,
        fields=person.fields,
    )
    session.add(contact)
    session.flush()
    addresses = []
    for at, email in enumerate(person.emails):
        key = f"{number}-{at}-{contact.id}".encode()
        address = Address(key=key, domain_key=b"d")
        session.add(address)
        session.flush()
        addresses.append(address.id)
        session.add(Endpoint(contact_id=contact.id, channel="email", address_id=address.id, value=email))
    for at, row in enumerate(person.purchases):
        given = {"number": f"{contact.id}-{at}", "contact_id": contact.id, "objection_notice_shown": True}
        session.add(Purchase(**(given | row)))
    if addresses:
        first = addresses[0]
        session.add_all(
            ConsentRow(address_id=first, controller_id=1, channel="email", **row) for row in person.consents
        )
        session.add_all(Event(address_id=first, **row) for row in person.events)
        session.add_all(Exposure(address_id=first, channel="email", **row) for row in person.exposures)
    session.flush()
    return int(contact.id)


def plainly(node: Any, person: Person) -> bool:  # noqa: PLR0911 - one answer for each kind
    """The answer as a person would find it, condition by condition."""
    match node:
        case All():
            return all(plainly(member, person) for member in node.members)
        case AnyOf():
            return any(plainly(member, person) for member in node.members)
        case Not():
            return not plainly(node.member, person)
        case FieldCondition():
            return holds(node, contact=person.values, fields=FIELDS, today=NOW.date())
        case Consent(consent=facts):
            return _consents(facts, person)
        case Purchases(purchases=facts):
            return _purchases(facts, person)
        case Opened(opened=facts):
            return _hits(facts, "open", person)
        case Clicked(clicked=facts):
            return _hits(facts, "click", person)
        case Received(received=facts):
            start = NOW.date() - timedelta(days=facts.within_days)
            found = [row for row in person.exposures if row["day"] >= start and facts.purpose in (None, row["purpose"])]
            return bool(person.emails) and sum(row["messages"] for row in found) >= facts.at_least
    raise AssertionError(node)


def _consents(facts: Any, person: Person) -> bool:
    rows = [row for row in person.consents if row["purpose"] == facts.purpose] if person.emails else []
    if facts.state == "none":
        return not rows
    return any(
        _state(row)[0] == facts.state and _since(facts.since, _state(row)[1]) and _unused(facts, row, person)
        for row in rows
    )


def _unused(facts: Any, row: dict[str, Any], person: Person) -> bool:
    if facts.unused_at_least is None and facts.unused_at_most is None:
        return True
    uses = [one for one in person.exposures if one["purpose"] == row["purpose"] and one["basis"] == "consent"]
    last = max([row["confirmed_at"], *(one["last_at"] for one in uses)])
    least, most = timedelta(days=facts.unused_at_least or 0), timedelta(days=facts.unused_at_most or 36_500)
    return least <= NOW - last <= most


def _state(row: dict[str, Any]) -> tuple[str, datetime]:
    confirmed, withdrawn = row.get("confirmed_at"), row.get("withdrawn_at")
    if withdrawn and (not confirmed or withdrawn >= confirmed):
        return "withdrawn", withdrawn
    return ("confirmed", confirmed) if confirmed else ("unconfirmed", row["requested_at"])


def _since(day: date | None, moment: datetime) -> bool:
    return day is None or moment.date() >= day


def _purchases(facts: Any, person: Person) -> bool:
    currency = facts.currency or ("EUR" if facts.sum else None)
    wanted = [facts.category] if isinstance(facts.category, str) else facts.category
    rows = [
        row
        for row in person.purchases
        if (not currency or row["currency"] == currency)
        and (not wanted or row["category"] in wanted)
        and (not facts.within_days or row["ordered_at"] >= NOW - timedelta(days=facts.within_days))
    ]
    found = {
        "count": len(rows),
        "sum": sum(float(row["amount"]) for row in rows),
        "last": max((row["ordered_at"].date() for row in rows), default=None),
    }
    asked = {name: getattr(facts, name) for name in found if getattr(facts, name) is not None}
    if not asked:
        return bool(rows)
    tests = {
        name: measured(comparison, known=MEASURES[name], today=NOW.date(), where="")
        for name, comparison in asked.items()
    }
    return all(found[name] is not None and fits(test, found[name]) for name, test in tests.items())


def _hits(facts: Any, kind: str, person: Person) -> bool:
    rows = [
        row
        for row in person.events
        if row["kind"] == kind
        and row["at"] >= NOW - timedelta(days=facts.within_days)
        and (row["verdict"] == "human" or not facts.human_only)
        and facts.run in (None, row["run_id"])
        and (not getattr(facts, "link", None) or facts.link in LINKS.get(row["link_id"], ""))
    ]
    return bool(person.emails) and len({row["message_id"] for row in rows}) >= facts.at_least
