"""Several ways out of a sender: shared by weight, left alone while they are away, and no mail given twice."""

import socket
from contextlib import ExitStack

import pytest

from core.db import transaction
from core.errors import WrongInput
from core.settings import settings
from delivery import TransportPlan, save_transport
from delivery.ways import Route, in_turn
from tests.delivery.pace.sending import let_an_hour_pass
from tests.delivery.providers.accounts import CASES
from tests.delivery.providers.service import Reply, serving
from tests.delivery.sending import campaign, numbers, rows, worker
from tests.factories import sender
from tests.smtp_sink import Sink


@pytest.fixture
def running(database, monkeypatch):
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return f"smtp://127.0.0.1:{port}"


def transport(code: str, kind: str = "smtp", **more) -> None:
    with transaction() as session:
        save_transport(session, plan=TransportPlan(code=code, sender="news", kind=kind, **more))


def brevo(code: str, url: str, **more) -> None:
    transport(code, "brevo", url=url, secret="s3cret", **more)  # noqa: S106 - of a test


def away() -> dict[str, str | None]:
    return {row.code: row.away_text for row in rows("SELECT code, away_text FROM transport")}


def test_batches_are_shared_and_go_elsewhere_while_a_server_is_away(running, nobody_there):
    first, second = (running.enter_context(Sink()) for _ in range(2))
    run_id = campaign(60)
    transport("one", url=first.url, weight=500)
    transport("two", url=second.url, weight=500)
    transport("gone", url=nobody_there, weight=1000)
    transport("spare", url="smtp://spare.example", position=1)
    transport("off", url="smtp://off.example", enabled=False, weight=1000)
    once = worker(budget=0.02)
    once.size = 3
    while "in_flight" in numbers(run_id):
        assert once.step()
        once.size = 3
    assert numbers(run_id) == {"audience": 60, "sent": 60}
    taken = [each.recipient for each in (*first.taken, *second.taken)]
    assert len(set(taken)) == len(taken) == 60
    assert first.taken
    assert second.taken
    told = away()
    assert "refused" in told.pop("gone").lower()
    assert set(told.values()) == {None}
    assert rows("SELECT away_since FROM sender") == [(None,)]


def test_a_way_out_takes_no_more_than_its_limit_and_the_next_one_the_rest(running):
    first, second = (running.enter_context(Sink()) for _ in range(2))
    run_id = campaign(30)
    transport("cheap", url=first.url, limits={"per_day": 12})
    transport("dear", url=second.url, position=1, limits={"per_hour": 10})
    worker().run()
    assert [len(first.taken), len(second.taken)] == [12, 10]
    assert numbers(run_id) == {"audience": 30, "sent": 22, "in_flight": 8}
    # Nobody is away, and another worker keeps to what this one used up.
    assert set(away().values()) == {None}
    worker().run()
    assert numbers(run_id)["sent"] == 22
    let_an_hour_pass()
    worker().run()
    assert numbers(run_id) == {"audience": 30, "sent": 30}
    assert rows("SELECT day_used FROM pace ORDER BY transport_id") == [(12,), (18,)]


def test_a_provider_that_refuses_our_key_blames_nobody_and_comes_back(running):
    spare = running.enter_context(Sink())
    service = running.enter_context(serving(CASES["brevo"].unauthorised))
    run_id = campaign(30)
    brevo("api", service.url)
    transport("spare", url=spare.url, position=1)
    worker().run()
    assert numbers(run_id) == {"audience": 30, "sent": 30}
    assert rows("SELECT DISTINCT attempts FROM message") == [(1,)]
    assert len({each.recipient for each in spare.taken}) == len(spare.taken) == 30
    assert "401 Key not found" in away()["api"]
    assert rows("SELECT away_since FROM sender") == [(None,)]
    service.replies = [CASES["brevo"].accepted]
    rows("UPDATE message SET state = 'ready', not_before = now(), done_at = NULL RETURNING 1")
    worker().run()
    assert len(spare.taken) == 30
    assert away() == {"api": None, "spare": None}


def test_what_is_in_doubt_is_given_to_no_other_way(running, monkeypatch):
    spare = running.enter_context(Sink())
    service = running.enter_context(serving(Reply(504), CASES["brevo"].accepted))
    run_id = campaign(5)
    brevo("api", service.url)
    transport("spare", url=spare.url, position=1)
    worker().run()
    assert numbers(run_id) == {"audience": 5, "sent": 4, "unknown": 1}
    assert len(service.asked) == 5
    assert spare.taken == []


def test_a_sender_without_any_way_waits_and_says_why(running, nobody_there):
    service = running.enter_context(serving(Reply(429, {"message": "slow down"}, {"Retry-After": "3000"})))
    run_id = campaign(20)
    brevo("api", service.url)
    transport("gone", url=nobody_there, position=1)
    once = worker()
    once.run()
    assert numbers(run_id)["audience"] == sum(numbers(run_id).get(name, 0) for name in ("in_flight", "deferred"))
    assert "slow down" in away()["api"]
    (told,) = rows("SELECT away_text, next_try_at > now() AS later FROM sender")
    assert told.later
    assert told.away_text
    (waits,) = rows("SELECT min(not_before) > now() + interval '49 minutes' AS long FROM message WHERE attempts = 1")
    assert waits.long


def test_the_override_of_the_operator_goes_before_all_transports(sink, nobody_there):
    run_id = campaign(2)
    transport("gone", url=nobody_there)
    worker().run()
    assert numbers(run_id) == {"audience": 2, "sent": 2}
    assert len(sink.taken) == 2


def test_a_secret_that_cannot_be_opened_makes_a_way_rest(running):
    spare = running.enter_context(Sink())
    run_id = campaign(2)
    brevo("api", "https://api.brevo.com")
    transport("spare", url=spare.url, position=1)
    rows("UPDATE transport SET secret = decode(repeat('00', 40), 'hex') WHERE code = 'api' RETURNING 1")
    worker().run()
    assert numbers(run_id) == {"audience": 2, "sent": 2}
    assert "cannot be opened" in away()["api"]


def test_the_order_follows_position_and_weight():
    routes = [Route("smtp", "b", 2, position=1, weight=1000), Route("smtp", "a", 1, weight=3), Route("smtp", "c", 3)]
    firsts = [in_turn(routes) for _ in range(2000)]
    assert {order[-1].url for order in firsts} == {"b"}
    share = sum(order[0].url == "a" for order in firsts) / len(firsts)
    assert 0.68 < share < 0.82


GOOD = {"code": "x", "sender": "news", "kind": "mailgun", "settings": {"domain": "mg.example"}, "secret": "s"}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"sender": "nobody"}, "sender"),
        ({"kind": "pigeon"}, "kind"),
        ({"url": "http://mail.example"}, "url"),
        ({"url": "https://user:pass@mail.example"}, "url"),
        ({"url": "https://["}, "url"),
        ({"settings": {}}, "settings"),
        ({"settings": {"domain": "a/../b?x"}}, "settings"),
        ({"settings": {"domain": "mg.example", "colour": "red"}}, "settings"),
        ({"secret": ""}, "secret_env"),
        ({"kind": "postal", "settings": {}}, "url"),
        ({"kind": "smtp", "url": "smtp://user:pass@mail.example"}, "url"),
    ],
)
def test_a_way_that_cannot_work_is_refused_when_it_is_written_down(database, change, where):
    with transaction() as session:
        sender(session)
        save_transport(session, plan=TransportPlan(**GOOD))
        with pytest.raises(WrongInput) as caught:
            save_transport(session, plan=TransportPlan(**GOOD | change))
    assert caught.value.where == where


def test_secrets_do_not_stand_in_the_database(database):
    with transaction() as session:
        sender(session)
        save_transport(session, plan=TransportPlan(**GOOD | {"secret": "hunter-2", "hook_secret": "hook-er-3"}))
    (row,) = rows("SELECT transport::text AS all FROM transport")
    assert "hunter" not in row.all
    assert b"hunter-2".hex() not in row.all
    assert b"hook-er-3".hex() not in row.all
    assert settings().smtp_url is None
