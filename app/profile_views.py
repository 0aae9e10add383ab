"""What everybody may change about the own account."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app import sessions
from app.views import routes
from core import accounts
from core.db import transaction
from core.errors import CrusoeError
from core.permissions import Permission
from core.web import acting, needs, page


def _profile(error: CrusoeError | None = None) -> str:
    with transaction() as session:
        browsers = accounts.sessions(session, actor=acting(), token=sessions.token() or "")
    return page("app/profile.html", browsers=browsers, error=error)


@routes.get("/profile")
@needs(Permission.SEE_DASHBOARD)
def profile() -> ResponseReturnValue:
    """Language, look, password and open sessions."""
    return _profile()


@routes.post("/profile/language")
@needs(Permission.SEE_DASHBOARD)
def choose_language() -> ResponseReturnValue:
    """Store the language of the pages."""
    with transaction() as session:
        accounts.choose_language(session, actor=acting(), locale=request.form.get("locale", ""))
    return redirect(url_for("app.profile"))


@routes.post("/profile/theme")
@needs(Permission.SEE_DASHBOARD)
def choose_theme() -> ResponseReturnValue:
    """Light, dark, or as the system has it: a matter of this browser, so it stays in a cookie."""
    response = redirect(url_for("app.profile"))
    wanted = request.form.get("theme", "auto")
    if wanted in {"light", "dark", "auto"}:
        response.set_cookie("theme", wanted, max_age=31_536_000, samesite="Lax", path="/")
    return response


@routes.post("/profile/password")
@needs(Permission.SEE_DASHBOARD)
def change_password() -> ResponseReturnValue:
    """Change the password and sign out everywhere else."""
    form = request.form
    try:
        with transaction() as session:
            accounts.change_password(
                session,
                actor=acting(),
                token=sessions.token() or "",
                old=form.get("old", ""),
                new=form.get("new", ""),
            )
    except CrusoeError as error:
        return _profile(error), error.status
    flash(_("Your password is changed. All other browsers are signed out."))
    return redirect(url_for("app.profile"))


@routes.post("/profile/sessions")
@needs(Permission.SEE_DASHBOARD)
def end_other_sessions() -> ResponseReturnValue:
    """Sign out everywhere else."""
    with transaction() as session:
        accounts.end_other_sessions(session, actor=acting(), token=sessions.token() or "")
    flash(_("You are signed out everywhere else."))
    return redirect(url_for("app.profile"))
