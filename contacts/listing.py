"""Contacts as a list: what can be searched, filtered and sorted."""

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, func, or_, select

from contacts.models import Channel, Contact, Endpoint, Kind
from contacts.visibility import is_visible
from core.permissions import Permission
from core.tables import Column, Table
from core.web import current_actor

_first_address = (
    select(Endpoint.value)
    .where(Endpoint.contact_id == Contact.id, Endpoint.channel == Channel.EMAIL)
    .order_by(Endpoint.id)
    .limit(1)
    .scalar_subquery()
)


def table(labels: dict[str, str]) -> Table:
    """The columns; `labels` says what the kinds of contacts are called."""
    return Table(
        columns=(
            Column("id", _("No."), Contact.id, number=True),
            Column("number", _("Customer no."), Contact.number),
            Column("last_name", _("Last name"), Contact.last_name),
            Column("first_name", _("First name"), Contact.first_name),
            Column("email", _("E-mail"), _first_address, sortable=False),
            Column("country", _("Country"), Contact.country),
            Column("kind", _("Kind"), Contact.kind, sortable=False, choices={k.value: labels[k] for k in Kind}),
            Column("created_at", _("Since"), Contact.created_at),
        ),
        key=Contact.id,
        sort="id",
        export="contacts.export",
        descending=True,
        search=_search,
    )


def source() -> Select[Any]:
    """What the columns are read from: whom the signed-in person may see."""
    person = current_actor()
    if person is not None and person.may(Permission.SEE_RESTRICTED):
        return select(Contact)
    return select(Contact).where(is_visible(Contact.id))


def _search(words: str) -> ColumnElement[bool]:
    if "@" in words:
        fitting = func.lower(Endpoint.value).contains(words.lower(), autoescape=True)
        return Contact.id.in_(select(Endpoint.contact_id).where(fitting))
    return or_(
        Contact.number == words,
        Contact.last_name.icontains(words, autoescape=True),
        Contact.first_name.icontains(words, autoescape=True),
    )
