"""How long data are kept, and the record of processing: pages of compliance."""

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from app.rights import kinds, processing_record
from app.views import routes
from core import retention
from core.cli import dump
from core.db import transaction
from core.errors import WrongInput
from core.permissions import Permission
from core.sentences import say
from core.web import acting, needs, page


@routes.get("/retention")
@needs(Permission.SEE_AUDIT)
def retention_terms() -> ResponseReturnValue:
    """Each kind of data with its term and how much is over it now."""
    with transaction() as session:
        shown = retention.preview(session)
    return page("app/retention.html", shown=shown, kinds=len(kinds.KINDS))


@routes.post("/retention")
@needs(Permission.EDIT_SUPPRESSION)
def set_retention() -> ResponseReturnValue:
    """Choose the term of one kind."""
    days = request.form.get("days", "")
    if not (days.isascii() and days.isdigit()):
        raise WrongInput("retention_term_invalid", say("A term is a number of days."), where="days")
    with transaction() as session:
        retention.choose(session, kind=request.form.get("kind", ""), days=int(days), actor=acting().email)
    flash(_("The term is set."))
    return redirect(url_for("app.retention_terms"))


@routes.get("/processing-record")
@needs(Permission.SEE_AUDIT)
def processing_activities() -> ResponseReturnValue:
    """The record of processing activities, as a page to print or as JSON."""
    with transaction() as session:
        found = processing_record.record(session)
    if request.args.get("form") == "json":
        return Response(dump(found), mimetype="application/json")
    response = Response(processing_record.as_page(found, locale=str(get_locale())[:2]), mimetype="text/html")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response
