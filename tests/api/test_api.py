"""Other systems ask the same gate: the same answers, the same evidence, and nothing without a token that fits."""

import json
import logging
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from app.api.models import ApiToken
from app.api.tokens import Scope, create_token, revoke_token, tokens
from app.commands.tokens import token_group
from app.web import create_app
from contacts import email_address, ensure_addresses, phone_number
from contacts.models import Address, Contact, Controller, Endpoint
from core import clock, evidence, users
from core.db import transaction
from core.errors import NotAllowed, WrongInput
from core.permissions import Role
from suppression import Cause, Question, RuleSettings, activate, add, decide_address, import_list, reserve
from suppression.lift_models import Permit
from suppression.models import ListHit, StoredDecision
from suppression.policies import shipped
from suppression.rule_settings import Cap
from tests.browsing import post, signed_in
from tests.factories import controller, people
from tests.guards.test_routes import counted
from tests.suppression.test_commands import run
from tests.suppression.test_lists import ecg_file

EMAILS = [
    "ada@mail.example",
    "Bob@Mail.Example",
    "cleo@mail.example",
    "nobody@else.example",
    "broken@@x",
    "ada@mail.example",
]


@pytest.fixture
def admin(database, broker):
    with transaction() as session:
        users.add(session, email="admin@house.example", role=Role.ADMIN)
        addresses = people(session, ["ada", "bob"]) | people(session, ["cleo"], consent=False)
        add(session, address_id=addresses["bob"], cause=Cause.OPTED_OUT, at=clock.now(), source="page")
        return users.actor(session, "admin@house.example")


@pytest.fixture
def client(admin):
    return create_app().test_client()


def token(admin, *scopes, name="crm", days=30):
    with transaction() as session:
        return create_token(session, name=name, scopes=list(scopes), days=days, actor=admin)


def call(client, path, body, token, **more):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if isinstance(body, dict) and not path.startswith("/cases"):
        body = {"controller": "shop"} | body
    return client.post(f"/api/v1{path}", json=body, headers=headers, **more)


def codes(answer):
    assert answer.status_code == 200, answer.text
    return [one.get("code") or one["error"]["code"] for one in answer.json["decisions"]]


def test_a_decision_is_the_one_of_the_gate_and_stores_nothing(client, admin):
    key = token(admin, Scope.DECISIONS_READ)
    call(client, "/decisions", {"addresses": ["ada@mail.example"]}, key)
    before = counted()
    answer = call(client, "/decisions", {"addresses": EMAILS}, key)
    assert codes(answer) == ["consent", "opted_out", "no_basis", "no_basis", "address_two_ats", "consent"]
    assert counted() == before
    assert [one["address"] for one in answer.json["decisions"]] == EMAILS
    assert answer.json["rules_version"] >= 1
    assert answer.headers["Cache-Control"] == "no-store"
    with transaction() as session:
        question = Question(channel="email", purpose="newsletter", controller_id=controller(session))
        for email, one in zip(EMAILS[:3], answer.json["decisions"], strict=False):
            alone = decide_address(session, address=email, question=question)
            assert (one["verdict"], one["reasons"]) == (alone["verdict"], alone["reasons"])


def test_asking_about_somebody_on_a_list_leaves_no_hit_behind(client, admin, tmp_path):
    import_list(path=ecg_file(tmp_path, ["eve@mail.example"]), list_id="at.ecg.file", actor="test")
    with transaction() as session:
        # Came after the list, so nobody has looked eve up in it yet.
        people(session, ["eve"], country="AT")
    key = token(admin, Scope.DECISIONS_READ, Scope.RESERVATIONS_WRITE)
    call(client, "/decisions", {"addresses": ["ada@mail.example"]}, key)
    before = counted()
    for _ in range(2):
        assert codes(call(client, "/decisions", {"addresses": ["eve@mail.example"]}, key)) == ["robinson_listed"]
        assert counted() == before
    # The hit is kept as evidence as soon as a decision rests on it.
    assert codes(call(client, "/reservations", {"addresses": ["eve@mail.example"]}, key)) == ["robinson_listed"]
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(ListHit)) == 1


@pytest.mark.parametrize(("hour", "code"), [(11, "quiet_hours"), (12, "legitimate_interest")])
def test_a_dialler_is_told_whom_it_may_call_at_this_hour(client, admin, hour, code):
    """The one who may be called lives in France, where it is two hours later, and works for a firm."""
    number = phone_number("+33 1 23 45 67 89")
    with transaction() as session:
        # The seller sits where firms may be called as well; in Germany it would need to know more.
        activate(session, RuleSettings(policies=french_hours(), required_lists=()), actor="test")
        session.execute(update(Controller).values(country="FR"))
        address = ensure_addresses(session, [number])[number.key]
        contact = Contact(country="FR", kind="b2b", fields={})
        session.add(contact)
        session.flush()
        session.add(Endpoint(contact_id=contact.id, channel="phone", address_id=address, value=number.value))
    body = {"channel": "phone", "addresses": ["0033 1 23456789", "+33 9 87 65 43 21", "ada@mail.example"]}
    key = token(admin, Scope.RESERVATIONS_WRITE)
    with time_machine.travel(datetime(2026, 9, 7, hour, tzinfo=UTC), tick=False):
        answer = call(client, "/reservations", body, key)
    assert codes(answer) == [code, "no_basis", "not_a_phone_number"]
    assert ("permit" in answer.json["decisions"][0]) is (code != "quiet_hours")


def french_hours():
    """Calls to firms in France at the hours that hold for consumers."""
    hours = next(row.hours for row in shipped() if row.country == "FR" and row.hours)
    return tuple(row.model_copy(update={"hours": hours}) if row.country == "FR" else row for row in shipped())


def test_a_reservation_is_evidence_with_a_permit_that_ends(client, admin):
    answer = call(client, "/reservations", {"addresses": EMAILS}, token(admin, Scope.RESERVATIONS_WRITE))
    assert codes(answer) == ["consent", "opted_out", "no_basis", "no_basis", "address_two_ats", "consent"]
    ada, bob, cleo, nobody, _broken, again = answer.json["decisions"]
    assert ada == again
    assert len(ada["permit"]) == 24
    assert all("permit" not in one for one in (bob, cleo, nobody))
    assert "decision" not in nobody
    with transaction() as session:
        (permit,) = session.scalars(select(Permit))
        assert (permit.permit, permit.given_to, permit.decision_id) == (ada["permit"], "token:crm", ada["decision"])
        assert timedelta(minutes=14) < permit.valid_until - clock.now() <= timedelta(minutes=15)
        stored = {row.id: row for row in session.scalars(select(StoredDecision))}
        assert {number: row.verdict for number, row in stored.items()} == {
            ada["decision"]: "send", bob["decision"]: "block", cleo["decision"]: "block",
        }  # fmt: skip
        assert {row.message_id for row in stored.values()} == {None}
        assert evidence.verify(session) == []
        # About a stranger nothing is stored, not even a hash.
        assert session.scalar(select(func.count(Address.id))) == 3
    with pytest.raises(DBAPIError), transaction() as session:
        session.execute(update(Permit).values(valid_until=clock.now() + timedelta(days=1)))


def test_what_was_reserved_counts_for_frequency(client, admin):
    with transaction() as session:
        activate(session, settings=RuleSettings(caps=(Cap(messages=2, days=7),)), actor="admin@house.example")
    key = token(admin, Scope.RESERVATIONS_WRITE)
    asked = {"addresses": ["ada@mail.example"]}
    assert [codes(call(client, "/reservations", asked, key)) for _ in range(3)] == [
        ["consent"], ["consent"], ["frequency_capped"],
    ]  # fmt: skip


def test_two_systems_that_ask_at_once_never_both_get_the_last_message(client, admin):
    with transaction() as session:
        activate(session, settings=RuleSettings(caps=(Cap(messages=1, days=7),)), actor="admin@house.example")
        question = Question(channel="email", purpose="newsletter", controller_id=controller(session))
    emails, found = [email_address("ada@mail.example")], []

    def reserve_one() -> None:
        with transaction() as session:
            (answer,) = reserve(session, people=emails, question=question, given_to="token:other").answers
        found.append(answer.code)

    with transaction() as session:
        (first,) = reserve(session, people=emails, question=question, given_to="token:crm").answers
        other = threading.Thread(target=reserve_one)
        other.start()
        other.join(timeout=0.5)
        assert found == []
    other.join(timeout=10)
    assert (first.code, found) == ("consent", ["frequency_capped"])


def test_only_a_token_that_counts_and_fits_opens_the_door(client, admin):
    reading, writing = token(admin, Scope.DECISIONS_READ), token(admin, Scope.RESERVATIONS_WRITE, name="mta")
    asked = {"addresses": ["ada@mail.example"]}
    for wrong in (None, "", "crusoe_guessed", reading[:-1], reading.upper(), "' OR 1=1 --", "ünicode"):
        answer = call(client, "/decisions", asked, wrong)
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json"), wrong
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    basic = client.post("/api/v1/decisions", json=asked, headers={"Authorization": f"Basic {reading}"})
    assert basic.status_code == 401
    for path, key in (
        ("/reservations", reading),
        ("/cases", reading),
        ("/decisions", writing),
        ("/cases/close", writing),
    ):
        answer = call(client, path, asked, key)
        assert (answer.status_code, answer.json["type"]) == (403, "urn:crusoe:scope_missing"), path
    with transaction() as session:
        session.execute(update(ApiToken).where(ApiToken.name == "mta").values(expires_at=clock.now()))
        revoke_token(session, name="crm", actor=admin)
        assert [(one.name, one.state) for one in tokens(session)] == [("mta", "expired"), ("crm", "revoked")]
        assert session.scalar(select(func.count(StoredDecision.id))) == 0
    assert call(client, "/decisions", asked, reading).status_code == 401
    assert call(client, "/reservations", asked, writing).status_code == 401


def test_a_body_that_is_too_much_or_not_right_is_refused_by_its_field(client, admin):
    key = token(admin, Scope.DECISIONS_READ, Scope.CASES_WRITE)
    one = ["ada@mail.example"]
    for body, where in (
        ({}, "addresses"),
        ({"addresses": []}, "addresses"),
        ({"addresses": ["a@b.example"] * 1001}, "addresses"),
        ({"addresses": ["a" * 400]}, "addresses.0"),
        ({"addresses": [7]}, "addresses.0"),
        ({"addresses": one, "channel": "fax"}, "channel"),
        ({"addresses": one, "controller": "nobody"}, "controller"),
        ({"addresses": one, "purpose": "x'; DROP TABLE contact; --"}, "purpose"),
        ({"addresses": one, "released": ["consent_stale"]}, "released"),
        ([], ""),
    ):
        answer = call(client, "/decisions", body, key)
        assert (answer.status_code, answer.json["where"]) == (422, where), body
        assert answer.mimetype == "application/problem+json"
    headers = {"Authorization": f"Bearer {key}"}
    large = json.dumps({"addresses": one, "x": "y" * 600_000})
    assert client.post("/api/v1/decisions", data=large, headers=headers, mimetype="application/json").status_code == 413
    for data, kind in ((b"{", "application/json"), (b"\xff\xfe", "application/json"), (b"a=1", "text/plain")):
        answer = client.post("/api/v1/decisions", data=data, headers=headers, content_type=kind)
        assert (answer.status_code, answer.mimetype) == (422, "application/problem+json"), data
    for case in ("", "x" * 101, "a\nb"):
        assert call(client, "/cases", {"case": case, "addresses": one}, key).status_code == 422, case
    assert call(client, "/cases", {"case": "T-1", "addresses": ["broken@@x"]}, key).status_code == 422
    assert client.get("/api/v1/decisions", headers=headers).status_code == 405


def test_a_case_holds_until_its_own_system_closes_it(client, admin):
    crm = token(admin, Scope.CASES_WRITE, Scope.DECISIONS_READ)
    shop = token(admin, Scope.CASES_WRITE, name="shop")
    case = {"case": "T-1", "addresses": ["ada@mail.example", "later@mail.example"]}
    assert call(client, "/cases", case, crm).json == {"case": "T-1", "system": "crm", "open": True, "people": 2}
    assert codes(call(client, "/decisions", {"addresses": ["ada@mail.example"]}, crm)) == ["case_open"]
    assert call(client, "/cases/close", {"case": "T-1"}, shop).status_code == 404
    assert call(client, "/cases/close", {"case": "T-1"}, crm).json["people"] == 2
    assert codes(call(client, "/decisions", {"addresses": ["ada@mail.example"]}, crm)) == ["consent"]
    assert call(client, "/cases/close", {"case": "T-1"}, crm).status_code == 404


def test_who_guesses_tokens_and_who_asks_too_often_is_slowed_down(client, admin, monkeypatch):
    asked = {"addresses": ["ada@mail.example"]}
    tried = [call(client, "/decisions", asked, f"crusoe_{number}").status_code for number in range(25)]
    assert (tried[0], tried[-1]) == (401, 429)
    # A token that counts is not shut out by somebody who guesses from the same place.
    assert call(client, "/decisions", asked, token(admin, Scope.DECISIONS_READ)).status_code == 200


def test_a_token_is_made_by_an_administrator_is_stored_as_a_hash_and_is_never_logged(client, admin, caplog):
    caplog.set_level(logging.DEBUG)
    made = token(admin, Scope.DECISIONS_READ)
    call(client, "/decisions", {"addresses": ["ada@mail.example"]}, made)
    with transaction() as session:
        rows = session.execute(
            text("SELECT t::text FROM api_token AS t UNION ALL SELECT a::text FROM audit_event AS a")
        )
        assert all(made not in row[0] and made.removeprefix("crusoe_") not in row[0] for row in rows)
        users.add(session, email="carl@house.example", role=Role.COMPLIANCE)
        with pytest.raises(NotAllowed):
            create_token(
                session, name="own", scopes=["decisions.read"], days=1, actor=users.actor(session, "carl@house.example")
            )
        for wrong in (
            {"name": "crm"}, {"name": "Ü"}, {"scopes": []}, {"scopes": ["all"]}, {"days": 0}, {"days": 400},
        ):  # fmt: skip
            with pytest.raises(WrongInput):
                create_token(
                    session, **({"name": "b", "scopes": ["decisions.read"], "days": 1, "actor": admin} | wrong)
                )
    assert made not in caplog.text


def test_what_there_is_to_call_is_described(client):
    found = client.get("/api/v1/openapi.json").json
    assert set(found["paths"]) == {
        rule.rule.removeprefix("/api/v1")
        for rule in client.application.url_map.iter_rules()
        if rule.rule.startswith("/api/v1") and rule.endpoint != "api.describe"
    }


def test_an_administrator_makes_and_revokes_tokens_on_the_page_and_by_command(client, admin):
    browser = signed_in(client.application, Role.ADMIN)
    wrong = post(browser, "/api-tokens", name="Not a code", scopes="decisions.read", days="90")
    assert (wrong.status_code, "is no code" in wrong.text) == (422, True)
    assert post(browser, "/api-tokens", name="crm", days="x").status_code == 422
    drawn = re.search(
        r"crusoe_[\w-]{43}", post(browser, "/api-tokens", name="crm", scopes="decisions.read", days="90").text
    )
    assert drawn
    assert drawn[0] not in browser.get("/api-tokens").text
    asked = {"addresses": ["ada@mail.example"]}
    assert call(client, "/decisions", asked, drawn[0]).status_code == 200
    assert post(browser, "/api-tokens/1/revoke").status_code == 302
    assert call(client, "/decisions", asked, drawn[0]).status_code == 401
    by = ("--as", "admin@house.example")
    made = run(token_group, "create", "mta", "--scope", "decisions.read", "--days", "5", *by)
    assert call(client, "/decisions", asked, made["token"]).status_code == 200
    assert run(token_group, "revoke", "mta", *by)["state"] == "revoked"
    assert [(one["name"], one["state"]) for one in run(token_group, "list")] == [("mta", "revoked"), ("crm", "revoked")]
    assert run(token_group, "revoke", "mta", *by, code=2)["error"]["code"] == "token_revoked"
