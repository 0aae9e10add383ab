"""Holds for compliance: what waits, and what releasing it would do, shown before anybody presses the button."""

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from campaigns import conductor
from campaigns.holds import consequence, holds
from campaigns.service import find, lock
from core.db import transaction
from core.errors import CrusoeError
from core.permissions import Permission
from core.web import acting, needs, page

# Apart from the campaigns' own addresses, where the next word is always a code that somebody chose.
routes = Blueprint("holds", "campaigns", url_prefix="/holds")


@routes.get("/")
@needs(Permission.RELEASE_HOLDS)
def index() -> ResponseReturnValue:
    """Every hold of every campaign."""
    with transaction() as session:
        return page("campaigns/holds.html", holds=holds(session))


def _show(code: str, held: str, error: CrusoeError | None = None) -> str:
    with transaction() as session:
        campaign = find(session, code)
        found = consequence(session, campaign=campaign, code=held)
        own = acting().email in {campaign.author, campaign.submitted_by}
    return page("campaigns/hold.html", found=found, hold=found.hold, own=own, error=error)


@routes.get("/<code>")
@needs(Permission.RELEASE_HOLDS)
def show(code: str) -> ResponseReturnValue:
    """What releasing one hold of a campaign would do: how many, who, why."""
    return _show(code, request.args.get("reason", ""))


@routes.post("/<code>")
@needs(Permission.RELEASE_HOLDS)
def release(code: str) -> ResponseReturnValue:
    """Release it, for a reason."""
    held, reason = request.form.get("code", ""), request.form.get("reason", "").strip()
    try:
        with transaction() as session:
            count = conductor.release(session, campaign=lock(session, code), code=held, actor=acting(), reason=reason)
    except CrusoeError as error:
        return _show(code, held, error), error.status
    flash(ngettext("%(num)s message is ready again.", "%(num)s messages are ready again.", count))
    return redirect(url_for("holds.index"))
