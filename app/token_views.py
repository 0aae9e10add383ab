"""Tokens for other systems: made, shown once, revoked."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from app.api.models import ApiToken
from app.api.tokens import Scope, create_token, revoke_token, tokens
from app.views import routes
from core.db import transaction
from core.errors import CrusoeError, NotFound, WrongInput
from core.permissions import Permission
from core.web import acting, needs, page

DAYS = (30, 90, 180, 366)


def _listing(error: CrusoeError | None = None, drawn: str = "") -> str:
    with transaction() as session:
        found = tokens(session)
    meanings = {
        Scope.DECISIONS_READ.value: _("ask whether somebody may be written to"),
        Scope.NUMBERS_READ.value: _("read the numbers of the engine, which name no person"),
        Scope.RESERVATIONS_WRITE.value: _("reserve a message, with evidence and a permit"),
        Scope.CASES_WRITE.value: _("open and close service cases"),
    }
    states = {"valid": _("in use"), "expired": _("over"), "revoked": _("revoked")}
    form = request.form if error else {}
    return page(
        "app/tokens.html",
        tokens=found,
        error=error,
        drawn=drawn,
        scopes=meanings,
        states=states,
        days=DAYS,
        form=form,
        chosen=request.form.getlist("scopes") if error else [],
    )


@routes.get("/api-tokens")
@needs(Permission.MANAGE_USERS)
def token_list() -> ResponseReturnValue:
    """All tokens, without the tokens themselves."""
    return _listing()


@routes.post("/api-tokens")
@needs(Permission.MANAGE_USERS)
def make_token() -> ResponseReturnValue:
    """Make one. It is shown once, on this page."""
    form = request.form
    try:
        days = form.get("days", "")
        if not days.isdecimal():
            raise WrongInput("days_invalid", _("Choose how long it lasts."), where="days")
        with transaction() as session:
            drawn = create_token(
                session,
                name=form.get("name", "").strip(),
                scopes=form.getlist("scopes"),
                days=int(days[:4]),
                actor=acting(),
            )
    except CrusoeError as error:
        return _listing(error), error.status
    return _listing(drawn=drawn)


@routes.post("/api-tokens/<int:number>/revoke")
@needs(Permission.MANAGE_USERS)
def revoke(number: int) -> ResponseReturnValue:
    """Let it open nothing any more."""
    with transaction() as session:
        name = session.scalar(select(ApiToken.name).where(ApiToken.id == number))
        if name is None:
            raise NotFound("token_unknown", _("There is no such token."))
        revoke_token(session, name=name, actor=acting())
    flash(_("The token %(name)s opens nothing any more.", name=name))
    return redirect(url_for("app.token_list"))
