"""Every page says who may see it; nothing is changed by looking; no form is taken from another site."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.web import create_app
from core.db import engine
from core.permissions import GRANTS, Role
from tests import world
from tests.browsing import PASSWORD, form_token

# What anybody may open without a log-in. A new line here is a decision that somebody made.
PUBLIC = {
    "static",
    # Programs come in with a token of theirs, and see a problem instead of the log-in page.
    "api.begin_case",
    "api.decisions",
    "api.describe",
    "api.end_case",
    "api.metrics",
    "api.reservations",
    "app.favicon",
    "app.health",
    # Providers call with a signature of theirs.
    "app.hear_provider",
    "app.sign_in",
    "app.try_sign_in",
    "app.sign_out",
    "preferences.ask_for_fresh_link",
    "preferences.ask_for_mail",
    "preferences.press_confirmation",
    "preferences.press_renewal",
    "preferences.read_privacy_notice",
    "preferences.save_preferences",
    "preferences.see_confirmation",
    "preferences.see_data",
    "preferences.see_preferences",
    "preferences.see_renewal",
    "preferences.see_unsubscribe",
    "preferences.sign_up",
    "preferences.stop_from_preferences",
    "preferences.style",
    "preferences.take_data",
    "preferences.unsubscribe",
    "preferences.why",
}

# Forms of people without a log-in: the token in the address, or the double opt-in that follows, is the proof.
WITHOUT_TOKEN = {
    # No cookie counts here: they ask for a token in a header, and refuse with 401.
    "api.begin_case",
    "api.decisions",
    "api.end_case",
    "api.reservations",
    # The signature of the provider is the proof.
    "app.hear_provider",
    "preferences.ask_for_fresh_link",
    "preferences.ask_for_mail",
    "preferences.press_confirmation",
    "preferences.press_renewal",
    "preferences.save_preferences",
    "preferences.stop_from_preferences",
    "preferences.unsubscribe",
}

READING = {"GET", "HEAD", "OPTIONS"}

# Rows that follow from others and may be made when somebody looks: which of our addresses a list names.
DERIVED = {"list_hit"}


@pytest.fixture
def app(database: str) -> Flask:
    return create_app()


def routes(app: Flask) -> list[tuple[str, str, str, Any]]:
    """(rule, method, endpoint, view) of every route."""
    return [
        (rule.rule, method, rule.endpoint, app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def address(rule: str, found: world.World) -> str:
    """A rule with the things of the test world in its places."""
    values = {
        "contact_id": found.contact,
        "run_id": 1,
        "user_id": found.user,
        "lead_id": 1,
        "list_id": "at.ecg.file",
        "entry_id": 1,
        "bundle_id": 1,
        "import_id": 1,
        "number": 1,
        "mail_id": found.mail,
        "name": "contacts-20260101-000000-000000.csv",
        "filename": "crusoe.css",
        "token": "AAAA",
        "reference": "00000000-0000-4000-8000-000000000000",
        "digest": "00" * 32,
        "selector": "s1",
    }
    code = found.template if rule.startswith("/templates") else found.segment
    code = "news" if rule.startswith("/senders") else code
    values["code"] = found.running if rule.startswith("/campaigns") else code
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda place: str(values[place[1]]), rule)


def signed_in(app: Flask, role: Role) -> FlaskClient:
    client = app.test_client()
    form = {"email": f"{role}@crew.example", "password": PASSWORD, "csrf_token": form_token(client)}
    assert client.post("/sign-in", data=form).status_code == 302
    return client


def counted() -> dict[str, int]:
    """How many rows each table has."""
    with engine().connect() as connection:
        names = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        return {name: connection.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0 for name in names}


def test_every_route_says_who_may_use_it(app):
    silent = {
        endpoint
        for _rule, _method, endpoint, view in routes(app)
        if getattr(view, "permission", None) is None and endpoint not in PUBLIC
    }
    assert silent == set()


def test_the_list_of_public_routes_is_exact(app):
    public = {endpoint for _, _, endpoint, view in routes(app) if getattr(view, "permission", None) is None}
    assert public == PUBLIC


def test_no_form_is_taken_without_its_token(app):
    world.make()
    client = signed_in(app, Role.ADMIN)
    found = world.World(contact=1, user=1)
    taken = {
        endpoint
        for rule, method, endpoint, _view in routes(app)
        if method not in READING and client.open(address(rule, found), method=method).status_code not in {400, 403}
    }
    assert taken == WITHOUT_TOKEN


def test_no_form_is_taken_from_another_site(app):
    world.make()
    client = signed_in(app, Role.ADMIN)
    found = world.World(contact=1, user=1)
    headers = {"Sec-Fetch-Site": "cross-site"}
    for rule, method, endpoint, _view in routes(app):
        if method not in READING:
            answer = client.open(address(rule, found), method=method, headers=headers)
            assert answer.status_code == 403, endpoint


@pytest.mark.timeout(300)
def test_each_role_sees_exactly_what_it_was_granted(app):
    found = world.make()
    for role in Role:
        client = signed_in(app, role)
        token = form_token(client, "/profile")
        for rule, method, endpoint, view in routes(app):
            if endpoint in PUBLIC:
                continue
            allowed = view.permission in GRANTS[role]
            if allowed and method not in READING:
                continue
            answer = client.open(address(rule, found), method=method, headers={"X-CSRFToken": token})
            assert (answer.status_code == 403) is not allowed, f"{role} {method} {rule}: {answer.status_code}"
            assert answer.status_code < 500, f"{role} {method} {rule}"


def test_strangers_see_no_page_of_staff(app):
    found = world.make()
    client = app.test_client()
    token = form_token(client)
    for rule, method, endpoint, _view in routes(app):
        if endpoint not in PUBLIC:
            answer = client.open(address(rule, found), method=method, headers={"X-CSRFToken": token})
            assert answer.status_code == 302, f"{method} {rule}"
            assert answer.location.startswith("/sign-in"), f"{method} {rule}"


def test_looking_changes_nothing(app):
    found = world.make()
    client = signed_in(app, Role.ADMIN)
    before = counted()
    for rule, method, _endpoint, _view in routes(app):
        if method == "GET":
            assert client.get(address(rule, found)).status_code < 500, rule
    after = counted()
    changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    assert {name: rows for name, rows in changed.items() if name not in DERIVED} == {}


def test_every_list_can_be_taken_as_a_file(app):
    """A page with a table has a button for it, the button works, and who pressed it is written down."""
    found = world.make()
    client = signed_in(app, Role.ADMIN)
    token = form_token(client, "/profile")
    taken = set()
    for rule, method, endpoint, _view in routes(app):
        page = client.get(address(rule, found)).text if method == "GET" and endpoint != "static" else ""
        if 'id="listing"' not in page:
            continue
        buttons = re.findall(r'<form method="post" action="([^"]*/export)\?', page)
        assert len(buttons) == 1, f"{rule} shows a list that nobody can take"
        answer = client.post(buttons[0], headers={"X-CSRFToken": token})
        assert answer.mimetype == "text/csv", rule
        taken.add(buttons[0])
    assert len(taken) == written_down("%.export") > 8


def written_down(action: str) -> int:
    """How many actions of this kind stand in the audit log."""
    with engine().connect() as connection:
        found = connection.scalar(text("SELECT count(*) FROM audit_event WHERE action LIKE :a"), {"a": action})
        return found or 0


@pytest.mark.parametrize("path", ["/", "/contacts/", "/sign-in", "/nothing"])
def test_every_page_carries_the_headers_that_protect_it(app, path):
    world.make()
    answer = signed_in(app, Role.ADMIN).get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<script>" not in answer.text
    assert not re.search(r"\son\w+=|\sstyle=", answer.text)


def test_mail_is_shown_in_a_cage(app):
    found = world.make()
    client = signed_in(app, Role.ADMIN)
    for path in (f"/inbox/{found.mail}/html", "/templates/boots/versions/1/html", f"/campaigns/{found.running}/mail"):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert policy.startswith("sandbox; default-src 'none'"), path
        assert "script" not in policy, path
