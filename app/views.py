"""The dashboard, and whether the application is alive."""

from flask import Response, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from app.overview import read as read_overview
from core.db import transaction
from core.permissions import Permission
from core.web import acting, blueprint, needs, page, public

routes = blueprint("app")


@routes.get("/")
@needs(Permission.SEE_DASHBOARD)
def dashboard() -> ResponseReturnValue:
    """What waits for this person, what is running, and whether the lists are fresh."""
    with transaction() as session:
        shown = read_overview(session, actor=acting())
    return page("app/dashboard.html", shown=shown)


@routes.get("/healthz")
@public
def health() -> Response:
    """200 when pages can be served; a supervisor or load balancer asks every few seconds."""
    with transaction() as session:
        session.execute(text("SELECT 1"))
    return jsonify(status="ok")


@routes.get("/favicon.ico")
@public
def favicon() -> ResponseReturnValue:
    """Browsers ask for it by themselves; pages name the real one."""
    return Response(status=204)
