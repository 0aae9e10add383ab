"""Everything that is held about a recipient, to be seen and taken along (Art. 15 and 20 GDPR)."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from contacts import choice
from contacts.models import Company, Contact, Endpoint, Purchase
from preferences.recipient import Recipient
from suppression import consents_of, entries, listings
from tracking import story

# More than anybody gets in a life; a bound against a mistake, not a page.
MOST = 100_000

Reader = Callable[[Session, int], Any]

_MORE: dict[str, Reader] = {}


def also_held(name: str, reader: Reader) -> None:
    """Register what a stage above holds about a contact: `reader` answers it by the contact's id."""
    _MORE[name] = reader


def held(session: Session, who: Recipient) -> dict[str, Any]:
    """The document for the recipient behind a link."""
    return everything(session, address_id=who.address_id, contact_id=who.contact_id, address=who.address)


def everything(session: Session, *, address_id: int, contact_id: int | None, address: str | None) -> dict[str, Any]:
    """All of it by subject, in a fixed number of queries. What concerns the address outlives the person."""
    chosen = choice(session, address_id)
    found = {
        "address": address,
        "person": _person(session, contact_id),
        "orders": _orders(session, contact_id),
        "consents": [_consent(record) for record in consents_of(session, address_id)],
        "choices": {
            "tracking": chosen.tracking.value,
            "profiling": chosen.profiling,
            "language": chosen.language,
            "paused_until": chosen.paused_until,
            "most_per_month": chosen.most_per_month,
            "topics_off": list(chosen.topics_off),
        },
        "objections": [
            {
                "cause": entry.cause.value,
                "at": entry.at,
                "source": entry.source,
                "channel": entry.channel,
                "purpose": entry.purpose,
                "lifted_at": entry.lifted_at,
            }
            for entry in entries(session, address_id=address_id)
            if not entry.by_domain
        ],
        "lists": [
            {"list": one.list_id, "version": one.version, "published_at": one.published_at, "by_domain": one.by_domain}
            for one in listings(session, address_id=address_id)
        ],
        "messages": _messages(session, address_id),
        "events": [
            {"at": moment.at, "kind": moment.kind.value, "link": moment.target}
            for moment in story(session, address_id=address_id, most=MOST)
        ],
    }
    more = {name: reader(session, contact_id) for name, reader in _MORE.items()} if contact_id is not None else {}
    return found | {name: more.get(name, []) for name in _MORE}


def _person(session: Session, contact_id: int | None) -> dict[str, Any]:
    contact = session.get(Contact, contact_id) if contact_id else None
    if contact is None:
        return {}
    company = session.get(Company, contact.company_id) if contact.company_id else None
    reached = session.execute(
        select(Endpoint.channel, Endpoint.value).where(Endpoint.contact_id == contact_id).order_by(Endpoint.id)
    )
    return {
        "number": contact.number,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "addresses": [{"channel": row.channel.value, "address": row.value} for row in reached],
        "language": contact.language,
        "country": contact.country,
        "company": company.name if company else None,
        "source": contact.source,
        "known_since": contact.created_at,
        "fields": contact.fields,
    }


def _orders(session: Session, contact_id: int | None) -> list[dict[str, Any]]:
    rows = session.scalars(
        select(Purchase).where(Purchase.contact_id == contact_id).order_by(Purchase.ordered_at.desc())
    )
    return [
        {
            "number": row.number,
            "ordered_at": row.ordered_at,
            "category": row.category,
            "amount": str(row.amount),
            "currency": row.currency,
        }
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


# The newest decision about a message is the one that counts.
_MESSAGES = """
    SELECT r.name, r.purpose, m.state::text AS state, m.handed_over_at AS at, d.verdict::text AS verdict, d.reasons,
           d.basis, c.decided_at, c.rules_version, c.list_versions AS lists, m.reply_text AS server_answer
    FROM run AS r
    JOIN message AS m ON m.run_id = r.id AND m.address_id = :address
    LEFT JOIN LATERAL (
        SELECT verdict, reasons, basis, batch_id FROM decision
        WHERE message_id = m.id AND address_id = :address ORDER BY id DESC LIMIT 1
    ) AS d ON true
    LEFT JOIN decision_context AS c ON c.batch_id = d.batch_id
    ORDER BY m.id DESC LIMIT :most
"""


def _messages(session: Session, address_id: int) -> list[Mapping[str, Any]]:
    """What went out and what was refused, and why."""
    rows = session.execute(text(_MESSAGES), {"address": address_id, "most": MOST})
    return [dict(row) for row in rows.mappings()]
