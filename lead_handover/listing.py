"""Leads as a list: who waits for sales, since when, until when, and why."""

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, case, func, select

from contacts import is_visible
from contacts.models import Contact
from core.permissions import Permission
from core.tables import Column, Table, contains
from core.users import User
from core.web import current_actor
from lead_handover.models import Handover, LeadState, SalesPerson

_name = func.concat_ws(" ", Contact.first_name, Contact.last_name)
_waits = Handover.state.in_((LeadState.OPEN, LeadState.ESCALATED))
# Only what waits is due, so that it stands on top, the most urgent first.
_due = case((_waits, Handover.due_at))


def table(states: dict[str, str]) -> Table:
    """The columns; `states` says what the states are called."""
    return Table(
        columns=(
            Column("due_at", _("Answer due"), _due),
            Column("contact", _("Lead"), _name, sortable=False),
            Column("points", _("Points"), Handover.points, number=True),
            Column("state", _("State"), Handover.state, sortable=False, choices=states),
            Column("given_to", _("Given to"), User.name, sortable=False),
        ),
        hidden=(
            Column("contact_id", "", Handover.contact_id),
            Column("lines", "", Handover.lines),
            Column("reason", _("Reason"), Handover.reason),
            Column("created_at", _("Since"), Handover.created_at),
            Column("answered_by", _("Answered by"), Handover.answered_by),
            Column("answered_at", _("Answered on"), Handover.answered_at),
            Column("company_country", "", Contact.country),
            Column("waiting", "", _waits),
        ),
        key=Handover.id,
        sort="due_at",
        export="lead_handover.export",
        search=contains(Contact.first_name, Contact.last_name, Contact.number),
    )


def source() -> Select[Any]:
    """Handovers with the names of the lead and the salesperson; an erased contact leaves the rest in place.

    Leads whose data may not be used are left out, except for those who may see such data.
    """
    joined = select(Handover).outerjoin(Contact, Contact.id == Handover.contact_id)
    joined = joined.outerjoin(SalesPerson, SalesPerson.id == Handover.sales_person_id)
    joined = joined.outerjoin(User, User.id == SalesPerson.user_id)
    person = current_actor()
    seeing = person is not None and person.may(Permission.SEE_RESTRICTED)
    return joined if seeing else joined.where(is_visible(Handover.contact_id))
