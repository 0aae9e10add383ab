"""The inbox of sales: every lead with its clock and its explanation, to be accepted or rejected."""

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import tables
from core.db import transaction
from core.permissions import Permission
from core.web import blueprint, needs, page
from lead_handover import listing

routes = blueprint("lead_handover", url_prefix="/leads")


def leads_page(error: object = None) -> str:
    """The list, with a complaint about what was just tried."""
    states = {"open": _("waiting"), "escalated": _("overdue"), "accepted": _("accepted"), "rejected": _("rejected")}
    table = listing.table(states)
    with transaction() as session:
        found = tables.read(session, table, listing.source(), tables.ask(table, request.args))
    return page("lead_handover/list.html", listing=found, error=error)


@routes.get("/")
@needs(Permission.SEE_LEADS)
def index() -> ResponseReturnValue:
    """All leads, the latest due time first."""
    return leads_page()
