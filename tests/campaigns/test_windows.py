"""Windows and lateness of a campaign: from the file or the form to its run, on its page, and bound by its approval."""

from datetime import timedelta

import pytest

from app.web import create_app
from campaigns.conductor import start_due
from campaigns.states import CampaignState
from core import clock, users
from core.db import transaction
from core.permissions import Role
from core.users import Actor
from tests.browsing import post, signed_in
from tests.campaigns import planning
from tests.campaigns.planning import rows

WINDOWS = '{hours: ["mon-fri 09:00-17:00"], home: Europe/Vienna, until: 2099-12-31}'


@pytest.fixture
def configured(database, tmp_path, monkeypatch):
    wanted = planning.CONFIGURATION.replace("author: marta", f"windows: {WINDOWS}, most_late: 30, author: marta")
    monkeypatch.setattr(planning, "CONFIGURATION", wanted)
    planning.configure(tmp_path)
    planning.with_people("anna", "ben")
    planning.with_people("carol", country="JP")
    return tmp_path


def approved() -> Actor:
    marta, rita = planning.somebody(Role.MARKETER, "marta"), planning.somebody(Role.RELEASER, "rita")
    planning.check()
    planning.submitted_by(marta)
    planning.approved_by(rita)
    return marta


def test_windows_of_a_campaign_are_shown_bound_and_kept(configured):
    planning.configure(configured)
    assert rows("SELECT count(*) FROM audit_event WHERE action = 'campaign.change'") == [(0,)]
    found = planning.check()["windows"]
    assert [(one["zone"], one["people"]) for one in found] == [("Europe/Berlin", 2), ("Asia/Tokyo", 1)]
    browser = signed_in(create_app(), Role.MARKETER)
    shown = browser.get("/campaigns/autumn").text
    for words in ("When people will get it", "Asia/Tokyo", "mon-fri 09:00-17:00", "by the clocks of the recipients"):
        assert words in shown
    form = browser.get("/campaigns/autumn/edit").text
    assert 'value="mon-fri 09:00-17:00"' in form
    approved()
    # Other hours are another campaign: its approval is for exactly those that were looked at.
    values = {"name": "Autumn", "segment": "everyone", "template": "autumn", "sender": "news", "tracking": "none"}
    assert "9 to 5" in post(browser, "/campaigns/autumn/edit", **values, hours="9 to 5").text
    assert planning.campaign().state is CampaignState.APPROVED
    post(browser, "/campaigns/autumn/edit", **values, hours="sat 10:00-13:00", zone="Europe/Vienna", most_late="45")
    stored = planning.campaign()
    assert stored.state is CampaignState.DRAFT
    # What the form does not show stays.
    assert stored.windows == {"hours": ["sat 10:00-13:00"], "zone": "Europe/Vienna", "home": "Europe/Vienna"}
    assert stored.most_late == 45


@pytest.mark.parametrize(("minutes", "state"), [(31, CampaignState.APPROVED), (29, CampaignState.SENDING)])
def test_a_start_that_comes_too_late_waits_for_somebody(configured, minutes, state):
    rows("UPDATE campaign SET scheduled_at = :at RETURNING 1", at=clock.now() - timedelta(minutes=minutes))
    marta = approved()
    rows("UPDATE campaign SET state = 'scheduled' RETURNING 1")
    with transaction() as session:
        start_due(session)
    assert planning.campaign().state is state
    if state is CampaignState.APPROVED:
        noted = rows(
            "SELECT actor, reason FROM audit_event WHERE action = 'campaign.approved' ORDER BY id DESC LIMIT 1"
        )
        assert noted == [("system", "Its time went by by more than 30 minutes.")]
        assert "went by. Launch it" in signed_in(create_app(), Role.MARKETER).get("/campaigns/autumn").text
        planning.launched_by(marta)
        assert planning.campaign().state is CampaignState.SENDING


def test_the_check_says_how_long_limits_will_make_it_and_warns(database, tmp_path):
    planning.configure(tmp_path)
    planning.with_people(*(f"p{number}" for number in range(25)))
    told = planning.check()
    assert (told["estimated_seconds"], "takes_long" in str(told["findings"])) == (1, False)
    rows("UPDATE sender SET limits = '{\"per_day\": 10}' RETURNING 1")
    told = planning.check()
    assert told["estimated_seconds"] > 24 * 3600
    assert [one["mails"] for one in told["estimated_days"]] == [10, 10, 5]
    (warning,) = [one for one in told["findings"] if one["code"] == "takes_long"]
    assert (warning["message"], warning["severity"]) == ("The limits of the sender stretch it over 2 days.", "warn")
    shown = signed_in(create_app(), Role.MARKETER).get("/campaigns/autumn").text
    assert "until about" in shown
    assert "How many leave on which day" in shown
    # Only what is meant to begin by a certain time can be late.
    rows("UPDATE campaign SET most_late = 30 RETURNING 1")
    rows('UPDATE sender SET limits = \'{"per_hour": 12, "operators": {"other": {"per_hour": 9}}}\' RETURNING 1')
    found = [one["message"] for one in planning.check()["findings"] if one["code"] == "takes_long"]
    assert found == ["The limits of the sender make it end more than 30 minutes late."]


@pytest.mark.parametrize("host", [timedelta(days=1), timedelta(minutes=10), timedelta(minutes=-10), timedelta(days=-1)])
def test_a_wrong_clock_of_a_host_starts_nothing_early_or_twice_and_ends_nothing(configured, time_machine, host):
    rows("UPDATE campaign SET scheduled_at = :at RETURNING 1", at=clock.now() + timedelta(minutes=5))
    marta = approved()
    time_machine.move_to(clock.now() + host)
    planning.launched_by(marta)
    assert planning.campaign().state is CampaignState.SCHEDULED
    with transaction() as session:
        assert start_due(session) == 0
    assert planning.campaign().state is CampaignState.SCHEDULED
    # The time comes, for the database; the approval is for this time.
    rows("UPDATE campaign SET state = 'draft', scheduled_at = now() - interval '1 minute' RETURNING 1")
    planning.check()
    planning.submitted_by(marta)
    with transaction() as session:
        rita = users.actor(session, "rita@shop.example")
    planning.approved_by(rita)
    rows("UPDATE campaign SET state = 'scheduled' RETURNING 1")
    for started in (1, 0):
        with transaction() as session:
            assert start_due(session) == started
    assert planning.campaign().state is CampaignState.SENDING
    assert rows("SELECT count(*) FROM run WHERE kind = 'campaign'") == [(1,)]
