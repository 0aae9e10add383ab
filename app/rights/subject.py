"""Whom a request is about: an address, the person behind it, and the person's other addresses."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import find_address
from contacts.models import Endpoint
from core.errors import NotAllowed, NotFound
from core.permissions import Permission
from core.sentences import say
from core.users import Actor
from suppression import restricted


@dataclass(frozen=True)
class DataSubject:
    """A person, or an address whose person was erased or never known (`contact_id` None)."""

    address: str | None
    address_id: int
    contact_id: int | None
    address_ids: tuple[int, ...]


def by_address(session: Session, address: str) -> DataSubject:
    """The person with this address; NotFound when nothing is stored about it."""
    address_id = find_address(session, address)
    if address_id is None:
        raise NotFound("address_unknown", say("Nothing is stored about %(address)s.", address=address))
    owner = session.scalar(select(Endpoint.contact_id).where(Endpoint.address_id == address_id))
    return _subject(session, address=address, address_id=address_id, contact_id=owner)


def by_contact(session: Session, contact_id: int) -> DataSubject:
    """The person with this id, known by the first address."""
    first = session.execute(
        select(Endpoint.value, Endpoint.address_id).where(Endpoint.contact_id == contact_id).order_by(Endpoint.id)
    ).first()
    if first is None:
        raise NotFound(
            "person_unreachable",
            say("The contact %(contact_id)s does not exist or has no address.", contact_id=contact_id),
        )
    return _subject(session, address=first.value, address_id=first.address_id, contact_id=contact_id)


def by_number(session: Session, *, address_id: int, contact_id: int) -> DataSubject:
    """The person with this id and one of the addresses, where nobody has to know which one it is."""
    return _subject(session, address=None, address_id=address_id, contact_id=contact_id)


def _subject(session: Session, *, address: str | None, address_id: int, contact_id: int | None) -> DataSubject:
    others = session.scalars(select(Endpoint.address_id).where(Endpoint.contact_id == contact_id))
    ids = {address_id, *(others if contact_id is not None else ())}
    return DataSubject(address=address, address_id=address_id, contact_id=contact_id, address_ids=tuple(sorted(ids)))


def require_sight(session: Session, contact_id: int, *, actor: Actor) -> None:
    """Refuse to show a restricted person to anybody but those who may see restricted data."""
    if restricted(session, contact_id) and not actor.may(Permission.SEE_RESTRICTED):
        raise NotAllowed(
            "person_restricted",
            say("The data of this person are restricted (Art. 18 GDPR): they are kept and not used."),
            say("Ask compliance."),
        )
