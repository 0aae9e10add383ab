"""Everything that is known about one person, from all stages, for the page that shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import why_by_id
from contacts import Choice, choice
from contacts.models import Company, Contact, Endpoint, FieldDefinition, Purchase
from core.errors import NotFound
from core.sentences import say
from lead_handover.models import Handover, Score
from suppression import Entry, Listing, VerdictNow, consents_of, entries, listings, restricted, verdicts_now
from tracking import Moment, story

MOST = 100


@dataclass(frozen=True)
class Reachable:
    """One address of the person, with everything that hangs on it."""

    endpoint: Endpoint
    choice: Choice
    verdicts: list[VerdictNow]
    consents: list[dict[str, Any]]
    entries: list[Entry]
    listings: list[Listing]
    decisions: list[dict[str, Any]]
    story: list[Moment]


@dataclass(frozen=True)
class Line:
    """One line of the time line: when, what kind of thing, which code, and the details."""

    at: datetime
    kind: str
    code: str
    words: str = ""


@dataclass(frozen=True)
class Person:
    """One person with everything that happened."""

    contact: Contact
    company: Company | None
    fields: list[tuple[str, Any]]
    addresses: list[Reachable]
    purchases: list[Purchase]
    score: Score | None
    handovers: list[Handover]
    time_line: list[Line]
    restricted: bool


def read(session: Session, contact_id: int) -> Person:
    """The person with this id; a fixed number of queries per address."""
    contact = session.get(Contact, contact_id)
    if contact is None:
        raise NotFound("contact_unknown", say("There is no contact %(contact_id)s.", contact_id=contact_id))
    endpoints = session.scalars(select(Endpoint).where(Endpoint.contact_id == contact_id).order_by(Endpoint.id))
    addresses = [_reachable(session, endpoint) for endpoint in endpoints]
    bought = select(Purchase).where(Purchase.contact_id == contact_id).order_by(Purchase.ordered_at.desc())
    purchases = list(session.scalars(bought.limit(MOST)))
    given = select(Handover).where(Handover.contact_id == contact_id).order_by(Handover.id.desc())
    return Person(
        contact=contact,
        company=session.get(Company, contact.company_id) if contact.company_id else None,
        fields=_fields(session, contact),
        addresses=addresses,
        purchases=purchases,
        score=session.get(Score, contact_id),
        handovers=list(session.scalars(given.limit(MOST))),
        time_line=_time_line(addresses, purchases),
        restricted=restricted(session, contact_id),
    )


def _fields(session: Session, contact: Contact) -> list[tuple[str, Any]]:
    labels = {row.name: row.label for row in session.scalars(select(FieldDefinition))}
    return [(labels.get(name, name), value) for name, value in sorted(contact.fields.items())]


def _reachable(session: Session, endpoint: Endpoint) -> Reachable:
    address_id = endpoint.address_id
    return Reachable(
        endpoint=endpoint,
        choice=choice(session, address_id),
        verdicts=verdicts_now(session, address_id=address_id, channel=endpoint.channel),
        consents=[_record(consent) for consent in consents_of(session, address_id)],
        entries=entries(session, address_id=address_id),
        listings=listings(session, address_id=address_id),
        decisions=why_by_id(session, address_id=address_id)[:MOST],
        story=story(session, address_id=address_id, most=MOST),
    )


def _record(consent: dict[str, Any]) -> dict[str, Any]:
    """The record of a consent, each step with its evidence apart, to be shown as it is stored."""
    steps = [
        {"step": step["step"], "at": step["at"], "evidence": {key: step[key] for key in step if key not in _HEAD}}
        for step in consent["steps"]
    ]
    return consent | {"steps": steps}


_HEAD = frozenset({"step", "at"})


def _time_line(addresses: list[Reachable], purchases: list[Purchase]) -> list[Line]:
    lines = [Line(at=one.ordered_at, kind="purchase", code="", words=one.number) for one in purchases]
    for address in addresses:
        for consent in address.consents:
            lines += [
                Line(at=step["at"], kind="consent", code=step["step"], words=consent["purpose"])
                for step in consent["steps"]
            ]
        lines += [Line(at=one.at, kind="reason", code=one.cause, words=one.source) for one in address.entries]
        # The ledger holds what went out; the decisions add what was refused.
        lines += [
            Line(at=one["decided_at"], kind="verdict", code=one["verdict"], words=f"{one['campaign']}")
            for one in address.decisions
            if one["verdict"] != "send"
        ]
        lines += [Line(at=one.at, kind="event", code=one.kind, words=one.target or "") for one in address.story]
    return sorted(lines, key=lambda line: line.at, reverse=True)[:MOST]
