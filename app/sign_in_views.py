"""Log in and out."""

from urllib.parse import urlsplit

from flask import redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app import limits, sessions
from app.views import routes
from core import users
from core.db import transaction
from core.web import current_actor, page, public


@routes.get("/sign-in")
@public
def sign_in() -> ResponseReturnValue:
    """The log-in form."""
    if current_actor() is not None:
        return redirect(_next())
    return page("app/sign_in.html", failed="", email="", next=request.args.get("next", ""))


@routes.post("/sign-in")
@public
@limits.limiter.limit(limits.SIGN_IN)
@limits.limiter.limit(limits.SIGN_IN_ACCOUNT, key_func=limits.account)
def try_sign_in() -> ResponseReturnValue:
    """Check name and password; the same answer for an unknown name and a wrong password."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    with transaction() as database:
        found = users.sign_in(database, email=email.replace("\x00", ""), password=password)
        former = sessions.token()
        if found is not None and former:
            users.sign_out(database, token=former)
    if found is None:
        failed = _("E-mail address and password do not fit together.")
        return page("app/sign_in.html", failed=failed, email=email, next=request.form.get("next", "")), 422
    # A new form key: what was known before the log-in is worth nothing after it.
    session.clear()
    response = redirect(_next())
    sessions.remember(response, token=found[1])  # type: ignore[arg-type]
    return response


@routes.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    """End this session, here and on the server."""
    sent = sessions.token()
    if sent:
        with transaction() as database:
            users.sign_out(database, token=sent)
    session.clear()
    response = redirect(url_for("app.sign_in"))
    sessions.forget(response)  # type: ignore[arg-type]
    return response


def _next() -> str:
    """Where the person wanted to go: only ever a page of ours."""
    wanted = request.values.get("next", "")
    place = urlsplit(wanted.replace("\\", "/"))
    if wanted.startswith("/") and not wanted.startswith("//") and not place.netloc and not place.scheme:
        return wanted.rstrip("?")
    return url_for("app.dashboard")
