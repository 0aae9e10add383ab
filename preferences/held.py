"""Everything that is held about a recipient, to be seen and taken along (Art. 15 and 20 GDPR)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from contacts import choice
from contacts.models import Contact, Purchase
from preferences.recipient import Recipient
from suppression import consents_of, entries
from tracking import story

MOST_MESSAGES = 500


def held(session: Session, who: Recipient) -> dict[str, Any]:
    """A document with all of it, by subject. What concerns the address outlives the contact."""
    chosen = choice(session, who.address_id)
    return {
        "address": who.address,
        "person": _person(session, who),
        "orders": _orders(session, who),
        "consents": [_consent(record) for record in consents_of(session, who.address_id)],
        "choices": {
            "tracking": chosen.tracking.value,
            "language": chosen.language,
            "paused_until": chosen.paused_until,
            "most_per_month": chosen.most_per_month,
            "topics_off": list(chosen.topics_off),
        },
        "objections": [
            {"cause": entry.cause.value, "at": entry.at, "source": entry.source, "purpose": entry.purpose}
            for entry in entries(session, address_id=who.address_id)
            if not entry.by_domain
        ],
        "messages": _messages(session, who),
        "events": [
            {"at": moment.at, "kind": moment.kind.value, "link": moment.target}
            for moment in story(session, address_id=who.address_id)
        ],
    }


def _person(session: Session, who: Recipient) -> dict[str, Any]:
    contact = session.get(Contact, who.contact_id) if who.contact_id else None
    if contact is None:
        return {}
    return {
        "number": contact.number,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "language": contact.language,
        "country": contact.country,
        "source": contact.source,
        "known_since": contact.created_at,
        "fields": contact.fields,
    }


def _orders(session: Session, who: Recipient) -> list[dict[str, Any]]:
    rows = session.scalars(
        select(Purchase).where(Purchase.contact_id == who.contact_id).order_by(Purchase.ordered_at.desc())
    )
    return [
        {"number": row.number, "ordered_at": row.ordered_at, "amount": str(row.amount), "currency": row.currency}
        for row in rows
    ]


# Our own numbers, and what is said by another field.
_OURS = frozenset({"id", "controller", "steps"})


def _consent(record: dict[str, Any]) -> dict[str, Any]:
    """The whole record of a consent; each step with all its evidence."""
    steps = [
        {
            "step": step["step"],
            "at": step["at"],
            "evidence": {name: value for name, value in step.items() if name not in {"step", "at"}},
        }
        for step in record["steps"]
    ]
    rest = {name: value for name, value in record.items() if name not in _OURS}
    return {"to": record["controller"]} | rest | {"steps": steps}


_MESSAGES = """
    SELECT r.name, r.purpose, m.state::text AS state, m.handed_over_at AS at
    FROM message AS m JOIN run AS r ON r.id = m.run_id
    WHERE m.address_id = :address ORDER BY m.id DESC LIMIT :most
"""


def _messages(session: Session, who: Recipient) -> list[Mapping[str, Any]]:
    rows = session.execute(text(_MESSAGES), {"address": who.address_id, "most": MOST_MESSAGES})
    return [dict(row) for row in rows.mappings()]
