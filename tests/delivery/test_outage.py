"""One server that is away holds up its own mail only, and an answer to somebody is never left lying."""

import socket

import pytest

from contacts.models import TrackingLevel
from core.db import transaction
from core.settings import settings
from delivery import open_run, stop_run
from tests.delivery.sending import WORDS, campaign, numbers, rows, worker, write_down
from tests.delivery.test_transactional import asked
from tests.factories import sender
from tests.rivals import overtaken


@pytest.fixture
def nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return f"smtp://127.0.0.1:{port}"


def test_a_server_that_is_away_slows_no_other_sender_down(listen, monkeypatch, nobody_there):
    sink = listen()
    waiting = campaign(40, transport_url=nobody_there)
    monkeypatch.delenv("CRUSOE_SMTP_URL")
    settings.cache_clear()
    with transaction() as session:
        other = sender(session, "other", transport_url=sink.url)
        run_id = open_run(
            session,
            name="winter",
            sender_id=other.id,
            purpose="newsletter",
            tracking=TrackingLevel.NONE,
            compiled=WORDS,
        )
    write_down(run_id)
    once = worker()
    while "sent" not in numbers(run_id):
        once.step()
    assert once.transports.doubtful
    assert numbers(run_id) == {"audience": 40, "sent": 40}
    assert numbers(waiting) == {"audience": 40, "in_flight": 40}


def test_an_answer_that_cannot_be_signed_goes_out_once_it_can(sink):
    run_id, _, _ = asked()
    rows("UPDATE sender SET dkim_selector = 'gone' RETURNING 1")
    worker().run()
    assert sink.taken == []
    assert rows("SELECT state FROM run") == [("open",)]
    rows("UPDATE sender SET dkim_selector = NULL RETURNING 1")
    rows("UPDATE message SET not_before = now() RETURNING 1")
    worker().run()
    assert numbers(run_id) == {"audience": 1, "sent": 1}


def test_a_run_that_was_stopped_meanwhile_is_not_paused(sink):
    """Somebody stops it while a worker finds out that it cannot sign: it stays stopped."""
    run_id = campaign(2, dkim_selector="missing")
    overtaken(worker().run, by=lambda session: stop_run(session, run_id=run_id, reason="a wrong price"))
    assert rows("SELECT state, state_reason FROM run") == [("stopped", "a wrong price")]
