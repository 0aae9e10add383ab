"""Every decision about every message as a list: what was decided, why, about whom, and what became of it."""

from typing import Any

from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, select

from app.views import routes
from app.wording import WORDS
from contacts import find_address
from contacts.models import Endpoint
from core.db import transaction
from core.errors import CrusoeError
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.tables import Column, Table
from core.web import needs, page
from delivery.models import Message, Run
from suppression.models import DecisionContext, StoredDecision

_address = (
    select(Endpoint.value)
    .where(Endpoint.address_id == StoredDecision.address_id)
    .order_by(Endpoint.id)
    .limit(1)
    .scalar_subquery()
)


def _table() -> Table:
    verdicts = {code: str(word.label) for code, word in WORDS["verdict"].items()}
    return Table(
        columns=(
            Column("id", _("No."), StoredDecision.id, number=True),
            Column("decided_at", _("When"), DecisionContext.decided_at, sortable=False),
            Column("campaign", _("Campaign"), Run.name, sortable=False),
            Column("address", _("Address"), _address, sortable=False),
            Column("verdict", _("Verdict"), StoredDecision.verdict, sortable=False, choices=verdicts),
            Column("reasons", _("Why"), StoredDecision.reasons, sortable=False),
            Column("stage", _("Asked"), DecisionContext.stage, sortable=False, choices=_stages()),
            Column("status", _("Became"), Message.state, sortable=False),
        ),
        hidden=(
            Column("contact_id", _("Contact no."), Message.contact_id),
            Column("basis", _("Basis"), StoredDecision.basis),
            Column("rules_version", _("Rules"), DecisionContext.rules_version),
        ),
        key=StoredDecision.id,
        sort="id",
        export="app.export_decisions",
        descending=True,
        search=_search,
    )


def _stages() -> dict[str, str]:
    return {"plan": _("when planned"), "gate": _("when sent"), "export": _("when exported")}


def _source() -> Select[Any]:
    joined = select(StoredDecision).join(DecisionContext, DecisionContext.batch_id == StoredDecision.batch_id)
    return joined.outerjoin(Message, Message.id == StoredDecision.message_id).outerjoin(Run, Run.id == Message.run_id)


def _search(words: str) -> ColumnElement[bool]:
    """A whole address, also of somebody who was erased; else the beginning of a campaign's name."""
    if "@" not in words:
        runs = select(Run.id).where(Run.name.istartswith(words, autoescape=True))
        return Message.run_id.in_(runs)
    try:
        with transaction() as session:
            address_id = find_address(session, words)
    except CrusoeError:
        address_id = None
    # Through the runs, because the unique key of messages begins with them.
    about = select(Message.id).join(Run, Run.id == Message.run_id).where(Message.address_id == address_id)
    return StoredDecision.message_id.in_(about)


@routes.get("/decisions")
@needs(Permission.SEE_SUPPRESSION)
def decisions() -> ResponseReturnValue:
    """All decisions, latest first."""
    listing = listed(_table(), _source())
    return page("app/decisions.html", listing=listing, stages=_stages())


@routes.post("/decisions/export")
@needs(Permission.EXPORT_CONTACTS)
def export_decisions() -> ResponseReturnValue:
    """What the list shows as CSV. It names addresses, so it needs more than seeing them."""
    return table_as_csv(_table(), _source(), name="decisions")
