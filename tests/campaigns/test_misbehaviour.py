"""Mail servers that are down, refuse, put off, hang up or are slow: where each message ends, and what is told of it."""

import socket
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from app.web import create_app
from campaigns import find, pause, report, resume
from campaigns.states import CampaignState
from campaigns.tasks import close_finished, materialise
from core.db import transaction
from core.permissions import Role
from core.settings import settings
from delivery.backoff import Backoff
from delivery.smtp import Timeouts
from delivery.worker import Worker
from tests.browsing import signed_in
from tests.campaigns import planning
from tests.campaigns.planning import rows
from tests.smtp_sink import Behaviour, Drop, Sink, on, say

PATIENT = Timeouts(quit=0.2)
WORKS: Behaviour = lambda _verb, _recipient, _count: None  # noqa: E731 - the type says more than a def


@pytest.fixture
def marta(database, tmp_path):
    marta = planning.somebody(Role.MARKETER, "marta")
    rita = planning.somebody(Role.RELEASER, "rita")
    planning.configure(tmp_path)
    planning.with_people("anna", "ben")
    planning.check()
    planning.submitted_by(marta)
    planning.approved_by(rita)
    planning.launched_by(marta)
    while materialise.verb():
        pass
    return marta


@pytest.fixture
def serve(monkeypatch):
    running = []

    def start(behaviour: Behaviour) -> Sink:
        sink = Sink(behaviour).__enter__()
        running.append(sink)
        use(monkeypatch, sink.port)
        return sink

    yield start
    for sink in running:
        sink.__exit__()


def use(monkeypatch, port: int) -> None:
    monkeypatch.setenv("CRUSOE_SMTP_URL", f"smtp://127.0.0.1:{port}")
    settings.cache_clear()


def sends(*, first: float = 3600, timeouts: Timeouts = PATIENT) -> None:
    worker = Worker(timeouts=timeouts, backoff=Backoff(first=first))
    worker.run()
    worker.close()
    close_finished.verb()


def a_while_later() -> None:
    rows("UPDATE message SET not_before = now() WHERE state = 'ready' RETURNING 1")


def told() -> dict:
    """The numbers that are not zero, and the note."""
    with transaction() as session:
        found = report(session, campaign=find(session, "autumn"))
    names = ("sent", "deferred", "failed", "unknown", "in_flight")
    assert found["audience"] == 2 == sum(found[name] for name in names)
    return {name: found[name] for name in names if found[name]} | {"note": found.get("note", "")}


@pytest.fixture
def page(marta):
    """What the page of the campaign shows now."""
    client = signed_in(create_app(), Role.MARKETER)

    def look() -> str:
        answer = client.get("/campaigns/autumn")
        assert answer.status_code == 200
        return answer.text

    return look


def test_a_server_that_is_down_is_named_with_the_next_try_and_gets_all_later(marta, serve, monkeypatch, page):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    use(monkeypatch, port)
    sends()
    found = told()
    assert found["in_flight"] == 2
    assert f"(connect 127.0.0.1:{port}: Connection refused)" in found["note"]
    assert found["note"].startswith("The mail server takes nothing since ")
    assert "nothing is lost" in page()
    (sender,) = rows("SELECT away_since, next_try_at FROM sender")
    assert sender.away_since < sender.next_try_at < datetime.now(UTC) + timedelta(seconds=5)
    sink = serve(WORKS)
    a_while_later()
    sends()
    assert told() == {"sent": 2, "note": ""}
    assert len(sink.taken) == 2
    assert "nothing is lost" not in page()
    assert rows("SELECT away_since, away_text, next_try_at FROM sender") == [(None, None, None)]


def test_a_long_outage_uses_up_no_attempts(marta, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        use(monkeypatch, free.getsockname()[1])
    for _ in range(25):
        a_while_later()
        sends()
    assert rows("SELECT max(attempts) FROM message") == [(0,)]
    assert told()["in_flight"] == 2


@pytest.mark.parametrize("greeting", [say(421, "too busy"), say(554, "go away"), Drop()], ids=["421", "554", "drop"])
def test_a_server_that_does_not_let_us_in_is_waited_for(marta, serve, greeting):
    sink = serve(on("CONNECT", greeting, times=1))
    sends()
    found = told()
    assert (found["in_flight"], sink.deliveries) == (2, [])
    assert "The mail server takes nothing since" in found["note"]
    a_while_later()
    sends()
    assert told() == {"sent": 2, "note": ""}


def test_who_is_refused_is_counted_with_the_answer(marta, serve, page):
    serve(on("RCPT", say(550, "5.1.1 no such user"), times=1))
    sends()
    note = "Refused for good: 1, most often with “550 5.1.1 no such user”."
    assert told() == {"sent": 1, "failed": 1, "note": note}
    assert "5.1.1 no such user" in page()
    a_while_later()
    sends()
    assert told() == {"sent": 1, "failed": 1, "note": note}
    assert planning.campaign().state is CampaignState.DONE


def test_who_is_put_off_is_tried_again_at_a_time_that_is_told(marta, serve):
    seen = set()

    def greylist(verb, recipient, _count):
        if verb == "RCPT" and recipient not in seen:
            seen.add(recipient)
            return say(450, "4.2.0 greylisted")
        return None

    sink = serve(greylist)
    sends()
    found = told()
    assert found["deferred"] == 2
    assert "Put off by the mail server: 2, most often with “450 4.2.0 greylisted”. Next try at 2" in found["note"]
    assert planning.campaign().state is CampaignState.SENDING
    sends()
    assert sink.taken == []
    a_while_later()
    sends()
    assert told() == {"sent": 2, "note": ""}
    assert planning.campaign().state is CampaignState.DONE


@pytest.mark.parametrize(
    "ending", [Drop(taken=True), Drop(), say(250, after=6)], ids=["taken", "not taken", "answered too late"]
)
def test_without_an_answer_to_the_final_dot_it_is_in_doubt_and_never_sent_again(marta, serve, ending, page):
    sink = serve(on("DOT", ending, times=1))
    for _ in range(3):
        sends(timeouts=Timeouts(dot=2, quit=0.2))
        a_while_later()
    found = told()
    assert (found["sent"], found["unknown"]) == (1, 1)
    assert found["note"].startswith("In doubt: 1, most often because of “the server ")
    assert "not sent again" in page()
    assert max(Counter(each.recipient for each in sink.deliveries).values()) == 1
    assert planning.campaign().state is CampaignState.DONE


def test_a_server_that_hangs_up_before_the_mail_gets_it_later(marta, serve):
    sink = serve(on("DATA", Drop(), times=1))
    sends()
    found = told()
    assert (found["sent"], found["deferred"]) == (1, 1)
    assert "most often with “the server closed the connection”" in found["note"]
    a_while_later()
    sends()
    assert told() == {"sent": 2, "note": ""}
    assert max(Counter(each.recipient for each in sink.taken).values()) == 1


def test_a_slow_answer_to_the_final_dot_is_waited_for(marta, serve):
    serve(on("DOT", say(250, after=0.3)))
    sends()
    assert told() == {"sent": 2, "note": ""}


@pytest.mark.parametrize(
    "fault",
    [
        ("UPDATE sender SET dkim_selector = 'gone'", "UPDATE sender SET dkim_selector = NULL", "signing key"),
        (
            "UPDATE run SET content = content || jsonb_build_object('new', 1), content_sha256 = '1'",
            "UPDATE run SET content = content - 'new', content_sha256 = '2'",
            "wording",
        ),
    ],
    ids=["no key", "no content"],
)
def test_a_run_that_pauses_itself_takes_its_campaign_along(marta, serve, page, fault):
    broken, mended, reason = fault
    sink = serve(WORKS)
    rows(f"{broken} RETURNING 1")
    sends()
    assert planning.campaign().state is CampaignState.PAUSED
    found = told()
    assert found["in_flight"] == 2
    assert found["note"].startswith("Nothing is sent: ")
    assert reason in found["note"]
    assert reason in page()
    (noted,) = rows("SELECT actor, reason FROM audit_event WHERE action = 'campaign.paused'")
    assert noted.actor == "system"
    assert reason in noted.reason
    close_finished.verb()
    assert rows("SELECT count(*) FROM audit_event WHERE action = 'campaign.paused'") == [(1,)]
    rows(f"{mended} RETURNING 1")
    with transaction() as session:
        resume(session, campaign=planning.lock(session, "autumn"), actor=marta)
    sends()
    assert told() == {"sent": 2, "note": ""}
    assert len(sink.taken) == 2


def test_a_campaign_that_somebody_paused_says_who(marta, serve):
    sink = serve(WORKS)
    with transaction() as session:
        pause(session, campaign=planning.lock(session, "autumn"), actor=marta)
    sends()
    assert told() == {"in_flight": 2, "note": f"Nothing is sent: paused by {marta.email}"}
    assert sink.taken == []
