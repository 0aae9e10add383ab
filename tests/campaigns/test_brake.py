"""The brake on a campaign: it stops, says why, tells who may resume, and nothing but a person with a reason goes on."""

from contextlib import ExitStack

import pytest

from app.web import create_app
from campaigns import find, report, resume
from campaigns.states import CampaignState
from campaigns.tasks import close_finished, materialise
from core import clock
from core.db import transaction
from core.errors import NotAllowed
from core.permissions import Role
from core.settings import settings
from delivery.tasks import watch
from delivery.worker import Worker
from suppression import Cause, add
from tests.browsing import post, signed_in
from tests.campaigns import planning
from tests.campaigns.planning import rows
from tests.smtp_sink import Sink, say

REASON = "The old list was taken out."


@pytest.fixture
def marta(database, tmp_path):
    marta = planning.somebody(Role.MARKETER, "marta")
    rita = planning.somebody(Role.RELEASER, "rita")
    planning.configure(tmp_path)
    rows('UPDATE sender SET limits = \'{"brake": {"after": 10}}\' RETURNING 1')
    planning.with_people(*(f"p{number}" for number in range(40)))
    planning.check()
    planning.submitted_by(marta)
    planning.approved_by(rita)
    planning.launched_by(marta)
    while materialise.verb():
        pass
    return marta


@pytest.fixture
def serve(monkeypatch):
    """Start a mail server that behaves as told and let all mail go to it."""
    with ExitStack() as running:

        def start(behaviour=lambda _verb, _recipient, _count: None):
            sink = running.enter_context(Sink(behaviour))
            monkeypatch.setenv("CRUSOE_SMTP_URL", sink.url)
            settings.cache_clear()

        yield start


def batch(size: int) -> None:
    worker = Worker()
    worker.size = size
    worker.step()
    worker.close()


def state() -> tuple[CampaignState, str]:
    with transaction() as session:
        campaign = find(session, "autumn")
        return campaign.state, str(report(session, campaign=campaign).get("note", ""))


def test_a_campaign_to_dead_addresses_stops_until_a_person_lets_it_go_on(marta, serve):
    serve(lambda verb, who, _: say(550, "5.1.1 no such user") if verb == "RCPT" and "@mail." in who else None)
    batch(8)
    watch.verb()
    rows("UPDATE user_account SET locale = 'de' WHERE email LIKE 'rita%' RETURNING 1")
    # Eight are too few to judge by.
    assert rows("SELECT state FROM run WHERE kind = 'campaign'") == [("open",)]
    batch(8)
    rows("UPDATE tally SET at = at - interval '2 minutes' RETURNING 1")
    watch.verb()
    close_finished.verb()
    watch.verb()
    now, note = state()
    assert now is CampaignState.PAUSED
    assert "The brake stopped it. Too many dead addresses: 16 of 16 (100.00 %, at most 2 %)." in note
    assert rows("SELECT count(*) FROM audit_event WHERE action = 'run.brake'") == [(1,)]
    assert rows("SELECT count(*) FROM tally") == [(0,)]
    told = rows("SELECT v.recipient, v.values ->> 'why' AS why FROM message_value AS v ORDER BY 1")
    assert [one.recipient for one in told] == ["marta@shop.example", "rita@shop.example"]
    # Each in the language of who reads it, with numbers as that language has them.
    assert "Too many dead addresses: 16 of 16 (100.00 %, at most 2 %)." in told[0].why
    assert "16 von 16 (100,00 %, höchstens 2 %)" in told[1].why
    assert "brake" not in told[1].why
    # Time, and all jobs, change nothing.
    batch(8)
    watch.verb()
    close_finished.verb()
    assert state()[0] is CampaignState.PAUSED
    with pytest.raises(NotAllowed, match="goes on for a reason"), transaction() as session:
        resume(session, campaign=find(session, "autumn"), actor=marta)
    # The page asks for the reason, too.
    browser = signed_in(create_app(), Role.RELEASER)
    assert "Reason for going on" in browser.get("/campaigns/autumn").text
    assert "goes on for a reason" in post(browser, "/campaigns/autumn/resume").text
    post(browser, "/campaigns/autumn/resume", reason=REASON)
    assert state()[0] is CampaignState.SENDING
    assert rows("SELECT reason FROM audit_event WHERE action = 'campaign.sending' ORDER BY id DESC LIMIT 1") == [
        (REASON,)
    ]
    # It is counted anew, and stops again by what comes from here on.
    watch.verb()
    assert state()[0] is CampaignState.SENDING
    for _ in range(3):
        batch(8)
    watch.verb()
    assert rows("SELECT braked_at IS NOT NULL FROM run WHERE kind = 'campaign'") == [(True,)]


def test_complaints_and_late_opt_outs_count(marta, serve):
    serve()
    batch(20)
    run = rows("SELECT id FROM run WHERE kind = 'campaign'")[0].id
    watch.verb()
    assert state()[0] is CampaignState.SENDING
    rows("INSERT INTO event (kind, at, run_id) VALUES ('complaint', now(), :run) RETURNING 1", run=run)
    watch.verb()
    assert "Too many complaints: 1 of 20" in state()[1]
    with transaction() as session:
        resume(session, campaign=find(session, "autumn"), actor=marta, reason=REASON)
    waiting = rows("SELECT address_id FROM message WHERE run_id = :run AND state = 'ready'", run=run)
    with transaction() as session:
        for row in waiting[:5]:
            add(session, address_id=row.address_id, cause=Cause.OPTED_OUT, at=clock.now(), source="test")
    # The notices to those who may resume leave first.
    for _ in range(3):
        batch(20)
    watch.verb()
    close_finished.verb()
    now, note = state()
    assert now is CampaignState.PAUSED
    assert "opted out since it was planned: 5 of 20 (25.00 %, at most 5 %)" in note


def test_what_was_stopped_long_ago_speaks_against_nobody_and_can_go_on(marta, serve):
    serve(lambda verb, who, _: say(550, "5.1.1 no such user") if verb == "RCPT" and "@mail." in who else None)
    batch(12)
    watch.verb()
    close_finished.verb()
    assert state()[0] is CampaignState.PAUSED
    rows("UPDATE tally SET at = at - interval '3 days' RETURNING 1")
    watch.verb()
    # Another campaign of the same sender, which is well.
    rows(
        "INSERT INTO run (kind, name, sender_id, purpose, tracking, content, content_sha256, state)"
        " SELECT kind, 'well', sender_id, purpose, tracking, content, content_sha256, 'open' FROM run"
        " WHERE kind = 'campaign' RETURNING 1"
    )
    rows(
        "INSERT INTO day_tally SELECT id, 0, current_date, 20, 0, 0, 0, 0, 0, 0 FROM run WHERE name = 'well'"
        " RETURNING 1"
    )
    for _ in range(2):
        watch.verb()
        assert rows("SELECT state FROM run WHERE name = 'well'") == [("open",)]
    with transaction() as session:
        resume(session, campaign=find(session, "autumn"), actor=marta, reason=REASON)
    watch.verb()
    assert state()[0] is CampaignState.SENDING
    # What comes from here on is too little to judge one campaign by, and enough for both together.
    rows(
        "INSERT INTO day_tally SELECT id, 1, current_date, 8, 0, 0, 0, 0, 0, 0 FROM run WHERE kind = 'campaign'"
        " RETURNING 1"
    )
    rows("INSERT INTO event (kind, at, run_id) SELECT 'bounce', now(), id FROM run WHERE kind = 'campaign' RETURNING 1")
    watch.verb()
    told = rows("SELECT state, state_reason FROM run WHERE kind = 'campaign'")
    assert {row.state for row in told} == {"paused"}
    assert all("All campaigns of the sender of the last day" in row.state_reason for row in told)
