"""A launched campaign reaches everybody who may be written to, and says why about everybody."""

from datetime import timedelta

import pytest

from campaigns import find, pause, release, report, resume, why
from campaigns.states import CampaignState
from contacts import email_address, ensure_addresses
from core import clock
from core.db import transaction
from core.permissions import Role
from core.settings import settings
from suppression import Cause, add
from tests.campaigns import planning
from tests.smtp_sink import Sink


@pytest.fixture
def sink(database, monkeypatch):
    with Sink(lambda _verb, _recipient, _count: None) as made:
        monkeypatch.setenv("CRUSOE_SMTP_URL", made.url)
        settings.cache_clear()
        yield made


@pytest.fixture
def team(database, tmp_path):
    people = {name: planning.somebody(role, name) for name, role in TEAM.items()}
    planning.configure(tmp_path)
    return people


TEAM = {"marta": Role.MARKETER, "rita": Role.RELEASER, "carl": Role.COMPLIANCE}


def approve_and_launch(team) -> dict:
    found = planning.check()
    planning.submitted_by(team["marta"])
    planning.approved_by(team["rita"])
    planning.launched_by(team["marta"])
    return found


def totals() -> dict:
    with transaction() as session:
        return report(session, campaign=find(session, "autumn"))


def opt_out(name: str) -> None:
    with transaction() as session:
        email = email_address(f"{name}@mail.example")
        address_id = ensure_addresses(session, [email])[email.key]
        add(
            session,
            address_id=address_id,
            cause=Cause.OPTED_OUT,
            channel="email",
            purpose="newsletter",
            at=clock.now(),
            source="test",
        )


def test_everybody_cleared_gets_it_once_and_the_sums_add_up(sink, team):
    planning.with_people("anna", "ben")
    planning.with_people("vera", consent=False)
    checked = approve_and_launch(team)
    planning.work_until_done()
    result = totals()
    assert (checked["send"], checked["block"]) == (2, 1)
    assert (result["audience"], result["sent"], result["blocked"], result["in_flight"]) == (3, 2, 1, 0)
    assert sorted(delivery.recipient for delivery in sink.taken) == ["anna@mail.example", "ben@mail.example"]
    assert planning.campaign().state is CampaignState.DONE


def test_who_opts_out_between_plan_and_gate_gets_nothing(sink, team):
    planning.with_people("anna", "ben")
    approve_and_launch(team)
    while planning.materialise.verb():
        pass
    opt_out("anna")
    planning.work_until_done()
    assert [delivery.recipient for delivery in sink.taken] == ["ben@mail.example"]
    with transaction() as session:
        entry = why(session, address="anna@mail.example")[0]
    assert (entry["verdict"], entry["reasons"], entry["status"]) == ("block", ["opted_out"], "blocked")
    assert entry["evidence"]["suppression_entry"]["source"] == "test"
    assert [older["verdict"] for older in entry["history"]] == ["send"]


def test_why_shows_the_consent_the_rules_and_who_approved(sink, team):
    planning.with_people("anna")
    approve_and_launch(team)
    planning.work_until_done()
    with transaction() as session:
        entry = why(session, address="ANNA@mail.example", campaign="autumn")[0]
    assert entry["basis"] == "consent"
    assert entry["status"] == "sent"
    assert entry["approved_by"] == team["rita"].email
    assert entry["evidence"]["consent"]["confirmed_at"] is not None
    assert entry["rules_version"] >= 1


def test_a_paused_campaign_sends_nothing_until_it_is_resumed(sink, team):
    planning.with_people("anna")
    approve_and_launch(team)
    with transaction() as session:
        pause(session, campaign=planning.lock(session, "autumn"), actor=team["carl"])
    planning.work_until_done()
    assert sink.taken == []
    with transaction() as session:
        resume(session, campaign=planning.lock(session, "autumn"), actor=team["marta"])
    planning.work_until_done()
    assert len(sink.taken) == 1


def test_an_outdated_list_holds_whom_it_concerns_and_compliance_may_release_them(sink, team):
    planning.with_people("anna", country="AT")
    planning.with_people("ben", country="DE")
    checked = approve_and_launch(team)
    assert checked["reasons"] == {"consent": 1, "list_outdated": 1}
    planning.work_until_done()
    assert totals()["held"] == 1
    with transaction() as session:
        campaign = planning.lock(session, "autumn")
        assert release(session, campaign=campaign, code="list_outdated", actor=team["carl"], reason="asked RTR") == 1
    planning.work_until_done()
    assert totals()["sent"] == 2
    assert planning.rows("SELECT reason FROM audit_event WHERE action = 'campaign.release_holds'") == [("asked RTR",)]


def test_a_campaign_waits_for_its_time(sink, team):
    planning.with_people("anna")
    planning.rows("UPDATE campaign SET scheduled_at = :at RETURNING 1", at=clock.now() + timedelta(hours=1))
    approve_and_launch(team)
    planning.work_until_done()
    assert planning.campaign().state is CampaignState.SCHEDULED
    assert sink.taken == []
