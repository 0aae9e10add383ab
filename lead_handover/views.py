"""The inbox of sales: every lead with its clock and its explanation, to be accepted or rejected."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.db import transaction
from core.errors import CrusoeError
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.tables import Table
from core.web import acting, blueprint, needs, page
from lead_handover import listing
from lead_handover.inbox import accept, reject
from lead_handover.rules import RejectReason

routes = blueprint("lead_handover", url_prefix="/leads")


def _table() -> Table:
    states = {"open": _("waiting"), "escalated": _("overdue"), "accepted": _("accepted"), "rejected": _("rejected")}
    return listing.table(states)


def leads_page(error: CrusoeError | None = None) -> str:
    """The list, with a complaint about what was just tried."""
    found = listed(_table(), listing.source())
    return page("lead_handover/list.html", listing=found, error=error, reasons=list(RejectReason))


@routes.get("/")
@needs(Permission.SEE_LEADS)
def index() -> ResponseReturnValue:
    """All leads, the latest due time first."""
    return leads_page()


@routes.post("/export")
@needs(Permission.EXPORT_LEADS)
def export() -> ResponseReturnValue:
    """What the list shows as CSV. It names people, so it is for those who work with them, and for compliance."""
    return table_as_csv(_table(), listing.source(), name="leads")


@routes.post("/<int:lead_id>/accept")
@needs(Permission.ANSWER_LEADS)
def accept_lead(lead_id: int) -> ResponseReturnValue:
    """Take the lead."""
    try:
        with transaction() as session:
            accept(session, lead_id, acting())
    except CrusoeError as error:
        return leads_page(error), error.status
    flash(_("The lead is yours."))
    return redirect(url_for("lead_handover.index"))


@routes.post("/<int:lead_id>/reject")
@needs(Permission.ANSWER_LEADS)
def reject_lead(lead_id: int) -> ResponseReturnValue:
    """Turn the lead down, with a reason."""
    try:
        with transaction() as session:
            reject(session, lead_id, request.form.get("reason", ""), acting())
    except CrusoeError as error:
        return leads_page(error), error.status
    flash(_("The lead is turned down; the reason helps to score better."))
    return redirect(url_for("lead_handover.index"))
