"""One handler for everything that goes wrong: a page for people, problem+json (RFC 9457) for programs."""

import json
import secrets

import structlog
from flask import Flask, Response, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException

from app.languages import told
from core.errors import CrusoeError
from core.web import page

log = structlog.get_logger()

BAD_REQUEST, NOT_FOUND, BROKEN = 400, 404, 500


def install(app: Flask) -> None:
    """Answer every error with a sentence and what to do, never with a trace."""
    app.register_error_handler(CrusoeError, _own)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DataError, _out_of_range)
    app.register_error_handler(Exception, _unexpected)


def _own(error: CrusoeError) -> Response:
    return answer(status=error.status, code=error.code, message=error.message, remedy=error.remedy, where=error.where)


def _csrf(_error: CSRFError) -> Response:
    message = _("This page was open for too long, or the request did not come from it.")
    return answer(status=BAD_REQUEST, code="csrf", message=message, remedy=_("Load the page again and repeat."))


def _http(error: HTTPException) -> Response:
    status = error.code or BROKEN
    sentences = {
        404: _("There is no such page."),
        405: _("This page cannot be called like that."),
        413: _("That is too large."),
        429: _("That was too often in a short time."),
    }
    remedies = {
        404: _("Go back, or start at the dashboard."),
        429: _("Wait a minute and try again."),
        413: _("Use the import command for large files."),
    }
    if status < BAD_REQUEST:
        return Response(status=status, headers=dict(error.get_headers()))
    message = sentences.get(status, _("That did not work."))
    response = answer(status=status, code=error.name.lower().replace(" ", "_"), message=message)
    if status in remedies:
        response = answer(status=status, code=f"http_{status}", message=message, remedy=remedies[status])
    for name, value in error.get_headers():
        if name in {"Retry-After", "Allow"}:
            response.headers[name] = value
    return response


def _out_of_range(_error: DataError) -> Response:
    """A number in the address that no row can have."""
    return answer(status=NOT_FOUND, code="not_found", message=_("There is no such page."))


def _unexpected(error: Exception) -> Response:
    """A bug. The trace goes to the log under an id; people get the id."""
    incident = secrets.token_hex(4)
    log.error("request_failed", incident=incident, path=request.path, exc_info=error)
    message = _("Something broke on our side.")
    remedy = _("It was logged as %(incident)s; nothing of this request was stored.", incident=incident)
    return answer(status=BROKEN, code="unexpected", message=message, remedy=remedy)


def answer(*, status: int, code: str, message: str, remedy: str = "", where: str = "") -> Response:
    """An error as the caller can read it."""
    if request.path.startswith("/api/"):
        problem = {"type": f"urn:crusoe:{code}", "title": message, "detail": remedy, "status": status, "where": where}
        return Response(json.dumps(problem), status=status, mimetype="application/problem+json")
    message, remedy, where = told(message), told(remedy), told(where)
    html = page("app/error.html", status=status, code=code, message=message, remedy=remedy, where=where)
    return Response(html, status=status, mimetype="text/html")
