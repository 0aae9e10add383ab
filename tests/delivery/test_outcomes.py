"""What the endings of a handover mean beyond their states, which stand in tests/faults/misbehaviour.py."""

import socket

import pytest

from core.db import transaction
from delivery.backoff import FACTORS, Backoff
from delivery.settle import settlement
from delivery.smtp import Deferred, NotAttempted, Phase, Refused, Unknown
from delivery.states import STEPS, MessageState
from suppression import entries
from tests.delivery.sending import campaign, numbers, rows, worker
from tests.smtp_sink import Drop, on, say


def once(verb, action):
    """The first mail meets it; the second is for comparison."""
    return on(verb, action, times=1)


def test_greylisting_ends_well(listen):
    seen = set()

    def greylist(verb, recipient, _count):
        if verb == "RCPT" and recipient not in seen:
            seen.add(recipient)
            return say(451, "4.7.1 try again")
        return None

    sink = listen(greylist)
    run_id = campaign(20)
    sender = worker()
    while numbers(run_id).get("sent") != 20:
        sender.run()
    assert len(sink.taken) == 20
    assert rows("SELECT DISTINCT attempts FROM message") == [(2,)]


def test_trying_ends(listen):
    sink = listen(on("RCPT", say(451, "4.2.2 full")))
    run_id = campaign(1)
    sender = worker(backoff=Backoff(first=0.001, most_attempts=3))
    while "failed" not in numbers(run_id):
        sender.run()
    assert numbers(run_id) == {"audience": 1, "failed": 1}
    assert rows("SELECT attempts, reply_text FROM message") == [(3, "4.2.2 full")]
    assert sink.taken == []


def test_an_ambiguous_ending_is_never_repeated_by_itself(listen):
    sink = listen(on("DOT", Drop(taken=True)))
    run_id = campaign(3)
    sender = worker()
    for _ in range(5):
        sender.run()
    assert numbers(run_id) == {"audience": 3, "unknown": 3}
    assert len(sink.taken) == 3
    assert rows("SELECT DISTINCT reply_text FROM message") == [("the server closed the connection",)]


def test_a_dead_address_is_written_down_and_never_written_to_again(listen):
    listen(once("RCPT", say(550, "5.1.1 no such user")))
    run_id = campaign(2)
    worker().run()
    assert numbers(run_id) == {"audience": 2, "sent": 1, "failed": 1}
    (dead,) = rows("SELECT address_id FROM message WHERE state = 'failed'")
    with transaction() as session:
        (entry,) = entries(session, address_id=dead.address_id)
    assert entry.cause == "hard_bounce"
    assert entry.evidence["text"] == "5.1.1 no such user"
    assert rows("SELECT address_id FROM event WHERE kind = 'bounce'") == [(dead.address_id,)]


def test_a_server_that_is_down_loses_nothing(listen, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run_id = campaign(5, transport_url=f"smtp://127.0.0.1:{port}")
    monkeypatch.delenv("CRUSOE_SMTP_URL", raising=False)
    sender = worker()
    sender.run()
    found = numbers(run_id)
    assert found["audience"] == 5
    assert found.get("sent", 0) == found.get("failed", 0) == found.get("unknown", 0) == 0
    assert (
        f"connect 127.0.0.1:{port}" in rows("SELECT reply_text FROM message WHERE reply_text IS NOT NULL")[0].reply_text
    )
    assert rows("SELECT count(*) FROM decision WHERE batch_id > (SELECT min(batch_id) FROM decision)") == [(0,)]
    sink = listen()
    again = worker()
    while numbers(run_id).get("sent") != 5:
        again.run()
    assert len(sink.taken) == 5


def test_a_server_that_hangs_up_after_each_mail_still_gets_all(listen):
    second = {"MAIL": 0}

    def only_one(verb, _recipient, _count):
        if verb == "CONNECT":
            second["MAIL"] = 0
        if verb == "MAIL":
            second["MAIL"] += 1
            return Drop() if second["MAIL"] > 1 else None
        return None

    sink = listen(only_one, connections=1)
    run_id = campaign(10)
    worker().run()
    assert numbers(run_id) == {"audience": 10, "sent": 10}
    assert len(sink.taken) == 10
    assert rows("SELECT DISTINCT attempts FROM message") == [(1,)]


@pytest.mark.parametrize(
    "said",
    [
        {"offers": ("PIPELINING", "LIMITS RCPTMAX=9 MAILMAX=3")},
        {"offers": ("LIMITS MAILMAX=3",)},
        {"query": "&mails=3"},
    ],
)
def test_no_connection_carries_more_mails_than_the_server_wants(listen, said):
    over_this = {"MAIL": 0}
    most = []

    def counting(verb, _recipient, _count):
        if verb == "CONNECT":
            over_this["MAIL"] = 0
        if verb == "MAIL":
            over_this["MAIL"] += 1
            most.append(over_this["MAIL"])

    sink = listen(counting, connections=1, **said)
    run_id = campaign(10)
    worker().run()
    assert numbers(run_id) == {"audience": 10, "sent": 10}
    assert (max(most), sink.connections) == (3, 4)
    assert rows("SELECT DISTINCT attempts FROM message") == [(1,)]


OUTCOMES = [
    Deferred(Phase.RCPT, 450, ""),
    Refused(Phase.DOT, 550, ""),
    Unknown(Phase.DOT, None, ""),
    NotAttempted(Phase.MAIL, None, ""),
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("attempts", [0, 1, 19, 20])
def test_every_outcome_leads_where_the_table_of_states_allows(outcome, attempts):
    found = settlement(message_id=1, outcome=outcome, attempts=attempts, backoff=Backoff())
    assert found.state in STEPS[MessageState.HANDING_OVER]
    certain = isinstance(outcome, Deferred | NotAttempted)
    assert (found.state is MessageState.READY) <= certain
    assert found.attempts == attempts + (not isinstance(outcome, NotAttempted))


def test_pauses_grow_and_end():
    backoff = Backoff(first=60, most_attempts=5)
    pauses = [backoff.delay(attempts) for attempts in range(1, 5)]
    for pause, factor in zip(pauses, FACTORS, strict=False):
        assert 0.8 * 60 * factor <= pause.total_seconds() <= 1.2 * 60 * factor
    assert backoff.delay(5) is None
