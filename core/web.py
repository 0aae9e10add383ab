"""What the pages of all stages share: blueprints, permissions on routes, rendering.

Every view says who may see it, with `needs(permission)` or `public`; a test walks all routes and fails on one that says
nothing. Views open a transaction, call verbs, and render.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core.errors import NotAllowed
from core.permissions import Permission
from core.sentences import say
from core.users import Actor

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

# For mail shown to staff: its own origin of nothing, no scripts, no forms, no requests to anywhere.
MAIL_POLICY = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'"
)


def needs(permission: Permission) -> Callable[[View], View]:
    """Let only signed-in people with this permission in; others are sent to the log-in page or refused."""

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **values: Any) -> ResponseReturnValue:
            actor = current_actor()
            if actor is None:
                return redirect(url_for("app.sign_in", next=request.full_path if request.method == "GET" else None))
            actor.require(permission)
            return view(*args, **values)

        guarded.permission = permission  # type: ignore[attr-defined]
        return cast("View", guarded)

    return wrap


def public(view: View) -> View:
    """Mark a view that anybody may call, without a log-in."""
    view.permission = None  # type: ignore[attr-defined]
    return view


def without_csrf(view: View) -> View:
    """Let programs POST without a form token: one-click opt-outs, whose link is the proof. A test lists them all."""
    view.without_csrf = True  # type: ignore[attr-defined]
    return view


def takes_files(most: Callable[[], int]) -> Callable[[View], View]:
    """Let a form of signed-in people be larger than others: `most` answers how many bytes its request may have."""

    def mark(view: View) -> View:
        view.most_bytes = most  # type: ignore[attr-defined]
        return view

    return mark


def current_actor() -> Actor | None:
    """Who is signed in, as found at the start of the request."""
    return cast("Actor | None", g.get("actor"))


def acting() -> Actor:
    """Who is signed in; for use behind `needs`."""
    actor = current_actor()
    if actor is None:
        raise NotAllowed("not_signed_in", say("Please sign in first."))
    return actor


def blueprint(stage: str, *, url_prefix: str | None = None) -> Blueprint:
    """The blueprint of a stage. Its pages stand in `<stage>/pages/` and are named `<stage>/page.html`."""
    return Blueprint(stage, stage, url_prefix=url_prefix)


def page(name: str, **values: Any) -> str:
    """Render a page of our own (never mail content)."""
    return render_template(name, **values)


def is_fragment() -> bool:
    """Whether htmx asks for a part of a page, not the whole."""
    return request.headers.get("HX-Request") == "true" and "HX-Boosted" not in request.headers


def framed_mail(html: str) -> Response:
    """Mail content as an answer of its own, for a sandboxed frame. It is never part of one of our pages."""
    response = Response(html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["Cache-Control"] = "no-store"
    return response
