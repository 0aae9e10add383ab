"""Contacts one at a time: adding one, erasing one. Many at once come through `contacts.importing`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from contacts.address_book import ensure_addresses, note_endpoints_change
from contacts.addresses import EmailAddress
from contacts.models import Address, Channel, Contact, Endpoint, Kind, Purchase, RecipientChoice
from core import audit, clock
from core.errors import NotFound, WrongInput
from core.sentences import say


def add_contact(
    session: Session,
    *,
    email: EmailAddress,
    number: str | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
    language: str | None = None,
    country: str | None = None,
    kind: Kind = Kind.B2C,
    fields: Mapping[str, Any] | None = None,
    source: str | None = None,
) -> int:
    """The id of the contact with this address; it is made when there is none, and left as it is when there is one."""
    note_endpoints_change(session)
    address_id = ensure_addresses(session, [email])[email.key]
    # Two sign-ups with one address at the same time: the second waits here and then finds the first.
    session.execute(select(Address.id).where(Address.id == address_id).with_for_update())
    owner = session.scalar(
        select(Endpoint.contact_id).where(Endpoint.channel == Channel.EMAIL, Endpoint.address_id == address_id)
    )
    if owner is not None:
        return owner
    contact = Contact(
        number=number,
        first_name=first_name,
        last_name=last_name,
        language=language,
        country=country,
        kind=kind,
        fields=dict(fields or {}),
        source=source,
    )
    session.add(contact)
    session.flush()
    session.execute(
        insert(Endpoint).values(contact_id=contact.id, channel=Channel.EMAIL, address_id=address_id, value=email.value)
    )
    return contact.id


# What a person may have put right; addresses are changed by consent to a new one.
RECTIFIABLE = frozenset({"first_name", "last_name", "language", "country"})


def rectify(session: Session, contact_id: int, *, changes: Mapping[str, str | None], actor: str) -> list[str]:
    """Put data of a person right (Art. 16 GDPR) and answer which. Other names mean the company's own fields.

    The audit log names the fields and not what stood in them.
    """
    contact = session.get(Contact, contact_id, with_for_update=True)
    if contact is None:
        raise NotFound("contact_unknown", say("There is no contact %(contact_id)s.", contact_id=contact_id))
    known = RECTIFIABLE | contact.fields.keys()
    if strangers := sorted(changes.keys() - known):
        raise WrongInput(
            "field_unknown",
            say("This person has no field %(name)s.", name=repr(strangers[0][:60])),
            say("Known: %(known)s.", known=", ".join(sorted(known))),
        )
    country = changes.get("country")
    if country is not None and not (len(country) == 2 and country.isascii() and country.isupper()):  # noqa: PLR2004 - ISO 3166
        raise WrongInput("country_invalid", say("A country is two capital letters, like AT."), where="country")
    for name in RECTIFIABLE & changes.keys():
        setattr(contact, name, changes[name])
    own = {name: value for name, value in changes.items() if name not in RECTIFIABLE}
    contact.fields = contact.fields | own
    contact.updated_at = clock.now()
    done = sorted(changes)
    audit.record(
        session, actor=actor, action="contact.rectify", object_type="contact", object_id=contact_id, fields=done
    )
    return done


@dataclass(frozen=True)
class Erased:
    """How much of a person is gone."""

    endpoints: int
    purchases: int
    choices: int


def erase(session: Session, contact_id: int, *, actor: str, reason: str | None = None) -> Erased:
    """Delete a person: names, fields, endpoints, orders and choices.

    The address row, suppression entries and consent evidence stay: they hold no clear address, and without them an
    objection would be forgotten or a past consent could no longer be proven (Art. 17(3) GDPR).
    """
    note_endpoints_change(session)
    addresses = list(session.scalars(select(Endpoint.address_id).where(Endpoint.contact_id == contact_id)))
    bought = session.scalar(select(func.count()).where(Purchase.contact_id == contact_id)) or 0
    found = session.scalar(delete(Contact).where(Contact.id == contact_id).returning(Contact.id))
    if found is None:
        raise NotFound("contact_unknown", say("There is no contact %(contact_id)s.", contact_id=contact_id))
    chosen = delete(RecipientChoice).where(RecipientChoice.address_id.in_(addresses))
    choices = session.scalars(chosen.returning(RecipientChoice.address_id)).all()
    audit.record(
        session, actor=actor, action="contact.erase", object_type="contact", object_id=contact_id, reason=reason
    )
    return Erased(endpoints=len(addresses), purchases=bought, choices=len(choices))
