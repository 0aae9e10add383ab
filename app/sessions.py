"""The log-in cookie: who is at the other end of this request."""

from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from werkzeug.exceptions import Forbidden

from core import clock, users
from core.db import transaction
from core.settings import settings

READING = frozenset({"GET", "HEAD", "OPTIONS"})
WITHOUT_PERSON = frozenset({"static", "app.health"})


def install(app: Flask) -> None:
    """Find the person before each request, and refuse forms that another site sends."""
    app.before_request(_refuse_other_sites)
    app.before_request(_find_actor)


def cookie_name(use: str) -> str:
    """The port is part of the name, because browsers do not keep cookies of different ports apart."""
    place = urlsplit(settings().public_url)
    if place.scheme == "https":
        return f"__Host-crusoe-{use}"
    return f"crusoe-{use}-{settings().port}"


def remember(response: Response, *, token: str) -> None:
    """Give the browser its session token. It ends with the browser; the server ends it sooner when it is idle."""
    response.set_cookie(
        cookie_name("login"),
        token,
        httponly=True,
        secure=settings().public_url.startswith("https:"),
        samesite="Lax",
        path="/",
    )


def forget(response: Response) -> None:
    """Take the session token back."""
    response.delete_cookie(cookie_name("login"), path="/", samesite="Lax", httponly=True)


def token() -> str | None:
    """The session token that the browser sent."""
    return request.cookies.get(cookie_name("login"))


def _find_actor() -> None:
    g.actor = None
    sent = token()
    if not sent or request.endpoint in WITHOUT_PERSON:
        return
    with transaction() as session:
        g.actor = users.resume(session, token=sent, moment=clock.now())


def _refuse_other_sites() -> None:
    """Browsers say where a request comes from; one-click POSTs of mail programs carry no such header and no cookie."""
    if request.method in READING or request.endpoint is None:
        return
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Forbidden
