"""Log-in, sessions and errors: what somebody gets who is not, or no longer, or not yet signed in."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app.web import create_app
from core.permissions import Role
from tests.browsing import PASSWORD, add_person, form_token, post, signed_in


def test_a_page_sends_strangers_to_the_log_in_and_back(app):
    client = app.test_client()
    email = add_person(Role.ADMIN)
    answer = client.get("/audit?sort=-id")
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in?next=/audit")
    form = {"email": email, "password": PASSWORD, "next": "/audit?sort=-id", "csrf_token": form_token(client)}
    assert client.post("/sign-in", data=form).location == "/audit?sort=-id"


@pytest.mark.parametrize("evil", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_the_log_in_leads_to_no_other_site(app, evil):
    client = app.test_client()
    email = add_person(Role.ADMIN)
    form = {"email": email, "password": PASSWORD, "next": evil, "csrf_token": form_token(client)}
    assert client.post("/sign-in", data=form).location == "/"


def test_unknown_name_and_wrong_password_look_the_same(app):
    client = app.test_client()
    email = add_person(Role.SALES)
    token = form_token(client)
    answers = [
        client.post("/sign-in", data={"email": name, "password": "wrong wrong wrong", "csrf_token": token})
        for name in (email, "nobody@crew.example")
    ]
    texts = [re.sub(r'value="[^"]*"|content="[^"]*"', "", answer.text) for answer in answers]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert texts[0] == texts[1]


def test_ten_tries_a_minute_are_enough(app):
    client = app.test_client()
    token = form_token(client)
    form = {"email": "x@crew.example", "password": "guess", "csrf_token": token}
    codes = [client.post("/sign-in", data=form).status_code for _ in range(11)]
    assert codes[:10] == [422] * 10
    assert codes[10] == 429


def test_signing_out_ends_the_session_on_the_server(app):
    client = signed_in(app, Role.ADMIN)
    stolen = client.get_cookie("crusoe-login-8000").value
    assert client.get("/users").status_code == 200
    post(client, "/sign-out")
    thief = app.test_client()
    thief.set_cookie("crusoe-login-8000", stolen)
    assert thief.get("/users").status_code == 302


def test_a_session_ends_when_nobody_uses_it(app):
    client = signed_in(app, Role.ADMIN)
    later = datetime.now(UTC) + timedelta(minutes=31)
    with time_machine.travel(later):
        assert client.get("/users").status_code == 302


def test_a_new_password_signs_out_everywhere_else(app):
    client = signed_in(app, Role.ADMIN)
    other = app.test_client()
    form = {"email": "admin@crew.example", "password": PASSWORD, "csrf_token": form_token(other)}
    other.post("/sign-in", data=form)
    answer = post(client, "/profile/password", old=PASSWORD, new="another long password")
    assert answer.status_code == 302
    assert client.get("/profile").status_code == 200
    assert other.get("/profile").status_code == 302


def test_a_wrong_field_says_so_beside_the_field(app):
    client = signed_in(app, Role.ADMIN)
    answer = post(client, "/profile/password", old=PASSWORD, new="short")
    assert answer.status_code == 422
    assert 'id="new-error"' in answer.text


def test_cookies_are_locked_to_https(app, monkeypatch):
    from core.settings import settings

    monkeypatch.setenv("CRUSOE_BASE_URL", "https://news.example")
    settings.cache_clear()
    secure = create_app()
    client = secure.test_client()
    add_person(Role.ADMIN)
    page = client.get("/sign-in", base_url="https://news.example")
    token = re.search(r'name="csrf-token" content="([^"]+)"', page.text)[1]
    form = {"email": "admin@crew.example", "password": PASSWORD, "csrf_token": token}
    answer = client.post("/sign-in", data=form, base_url="https://news.example")
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if "login" in c)
    assert cookie.startswith("__Host-crusoe-login=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie


def test_a_bug_shows_an_id_and_no_trace(app):
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/broken")
    def broken():
        raise RuntimeError("the secret is tomato")

    answer = app.test_client().get("/broken")
    assert answer.status_code == 500
    assert "tomato" not in answer.text
    assert "Traceback" not in answer.text
    assert re.search(r"logged as [0-9a-f]{8}", answer.text)


def test_programs_get_problems_as_json(app):
    answer = app.test_client().get("/api/nothing")
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == 404


def test_markup_in_a_name_stays_text(app):
    client = signed_in(app, Role.ADMIN)
    post(client, "/users", email="x@crew.example", name="<script>alert(1)</script>", role="sales")
    text = client.get("/users").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_nobody_gives_themselves_another_role(app):
    client = signed_in(app, Role.ADMIN)
    answer = post(client, "/users/1/role", role="sales")
    assert answer.status_code == 403
    assert "own_account" in answer.text


def test_an_unreachable_database_is_said_in_one_sentence(app, monkeypatch):
    from core import db
    from core.settings import settings

    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    settings.cache_clear()
    db.forget_engine()
    answer = app.test_client().get("/healthz")
    assert answer.status_code == 503
    assert "does not answer" in answer.text
