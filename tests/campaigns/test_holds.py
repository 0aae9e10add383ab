"""Who releases a hold sees before what it does, and it does just that."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from app.web import create_app
from campaigns import find
from campaigns.hold_cli import hold_group
from campaigns.holds import consequence
from campaigns.tasks import materialise
from contacts import email_address, ensure_addresses
from contacts.models import RecipientChoice
from core import clock
from core.db import transaction
from core.errors import NotFound
from core.log import to_standard_error
from core.permissions import Role
from tests.browsing import post, signed_in
from tests.campaigns import planning
from tests.suppression.test_commands import run

TEAM = {"marta": Role.MARKETER, "rita": Role.RELEASER, "carl": Role.COMPLIANCE, "adam": Role.ADMIN}


@pytest.fixture
def team(database, broker, tmp_path):
    """A launched campaign: two Austrians wait for the list, one of them has asked for a pause as well."""
    # As every command does first: a doorbell that nobody hears must not stand in the answer.
    to_standard_error()
    people = {name: planning.somebody(role, name) for name, role in TEAM.items()}
    planning.configure(tmp_path)
    planning.with_people("anna", "paul", country="AT")
    planning.with_people("ben", country="DE")
    with transaction() as session:
        email = email_address("paul@mail.example")
        session.execute(
            insert(RecipientChoice).values(
                address_id=ensure_addresses(session, [email])[email.key],
                paused_until=clock.now() + timedelta(days=30),
            )
        )
    planning.check()
    planning.submitted_by(people["adam"])
    planning.approved_by(people["rita"])
    planning.launched_by(people["marta"])
    while materialise.verb():
        pass
    return people


def test_the_consequence_is_shown_and_is_what_happens(team):
    listed = run(hold_group, "list", "--campaign", "autumn")
    assert [(one["code"], one["messages"], one["would_go"], one["releasable"]) for one in listed] == [
        ("list_outdated", 2, 1, True),
        ("paused", 1, 0, False),
    ]
    with transaction() as session:
        found = consequence(session, campaign=find(session, "autumn"), code="list_outdated")
        assert (found.still_held, found.bases, [name for _, name in found.samples]) == (
            {"paused": 1}, {"consent": 1}, ["Anna"],
        )  # fmt: skip
        with pytest.raises(NotFound):
            consequence(session, campaign=find(session, "autumn"), code="consent_stale")
    carl = ("--as", team["carl"].email)
    answer = run(hold_group, "release", "autumn", "list_outdated", "--reason", "asked the operator", *carl)
    assert (answer["released"], answer["code"]) == (1, "list_outdated")
    assert [(one["code"], one["released"]) for one in run(hold_group, "list")] == [
        ("list_outdated", True), ("paused", False),
    ]  # fmt: skip
    reasons = planning.rows("SELECT reason FROM audit_event WHERE action = 'campaign.release_holds'")
    assert reasons == [("asked the operator",)]


def test_the_page_shows_it_before_the_button_and_says_who_may_not_press(team):
    app = create_app()
    compliance = signed_in(app, Role.COMPLIANCE)
    assert "/holds/autumn?reason=list_outdated" in compliance.get("/holds/").text
    page = compliance.get("/holds/autumn?reason=list_outdated").text
    assert "Release 1 message" in page
    assert "Anna" in page
    assert "Paul" not in page
    assert compliance.get("/holds/autumn?reason=opted_out").status_code == 404
    assert post(compliance, "/holds/autumn", code="list_outdated", reason=" ").status_code == 403
    assert post(compliance, "/holds/autumn", code="paused", reason="please").status_code == 403
    assert post(compliance, "/holds/autumn", code="list_outdated", reason="asked the operator").status_code == 302
    assert "1 message is ready again." in compliance.get("/holds/").text


# Which hold, who tries, what is answered.
REFUSED = [
    ("paused", "carl", "not_releasable"),
    ("case_open", "carl", "not_releasable"),
    ("list_outdated", "adam", "four_eyes"),
    ("list_outdated", "marta", "not_permitted"),
    ("list_outdated", "rita", "not_permitted"),
]


def test_nobody_releases_what_is_not_theirs_to_release(team):
    for code, who, wanted in REFUSED:
        answer = run(hold_group, "release", "autumn", code, "--reason", "please", "--as", team[who].email, code=2)
        assert answer["error"]["code"] == wanted, (code, who)
    assert run(hold_group, "list")[0]["released"] is False
