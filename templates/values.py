"""The merge values of contacts, loaded for a whole batch at once."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Company, Contact
from templates.vocabulary import CONTACT

SAMPLE = {
    "number": "100001",
    "first_name": "Maria",
    "last_name": "Musterfrau",
    "language": "de",
    "country": "AT",
    "company": "Beispiel & Söhne",
}


def merge_values(session: Session, *, contact_ids: Sequence[int], fields: Iterable[str]) -> dict[int, dict[str, Any]]:
    """Plain dicts of these fields by contact id; one query. Contacts that do not exist are absent."""
    wanted = frozenset(fields)
    own = {name: getattr(Contact, name) for name in CONTACT - {"company"} if name in wanted}
    query = select(Contact.id, Contact.fields, *own.values())
    if "company" in wanted:
        query = query.add_columns(Company.name.label("company")).outerjoin(Company, Company.id == Contact.company_id)
    custom = wanted - CONTACT
    return {
        row.id: {name: row.fields.get(name) for name in custom}
        | {name: getattr(row, name) for name in wanted & CONTACT}
        for row in session.execute(query.where(Contact.id.in_(contact_ids)))
    }


def sample_values(fields: Iterable[str]) -> dict[str, Any]:
    """Values of an invented contact, for a preview without one; a custom field shows its own name."""
    return {name: SAMPLE.get(name, name.replace("_", " ")) for name in fields}
