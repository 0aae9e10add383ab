"""From an audience to accepted mail: every recipient once, and the counts add up."""

import re
from email import message_from_bytes, policy

import pytest

from contacts import choose
from contacts.models import TrackingLevel
from core.db import transaction
from delivery import finish_if_done
from delivery.return_path import message_of
from tests.delivery.sending import campaign, numbers, rows, worker
from tests.smtp_sink import Say, on, say
from tracking import Purpose, read_aggregate_token, read_message_token


def test_everybody_gets_the_mail_once(sink):
    run_id = campaign(120)
    assert worker().run() is False
    assert numbers(run_id) == {"audience": 120, "sent": 120}
    assert sorted(each.recipient for each in sink.taken) == sorted(f"p{n}@mail.example" for n in range(120))
    with transaction() as session:
        assert finish_if_done(session, run_id=run_id)
    assert rows("SELECT state FROM run") == [("done",)]


def test_the_mail_is_personal_and_its_answer_is_kept(listen):
    sink = listen(on("DOT", say(250, "2.0.0 queued as 4711")))
    campaign(1)
    worker().run()
    (delivery,) = sink.taken
    mail = message_from_bytes(delivery.content, policy=policy.SMTP)
    assert mail["Subject"] == "Hello P0"
    assert "Hello P0, https://shop.example/autumn" in mail.get_body(("plain",)).get_content()
    (message,) = rows("SELECT id, attempts, reply_code, reply_text, token, lease_until FROM message")
    assert message_of(delivery.sender) == message.id
    assert tuple(message)[1:] == (1, 250, "2.0.0 queued as 4711", None, None)


def test_what_was_sent_counts_as_sent_and_as_exposure(sink):
    campaign(3)
    worker().run()
    assert rows("SELECT kind::text, count(*) FROM event GROUP BY 1") == [("sent", 3)]
    assert rows("SELECT basis, purpose, messages FROM exposure") == [("consent", "newsletter", 1)] * 3


@pytest.mark.parametrize(
    ("wanted", "allowed", "reader", "pixels"),
    [
        (TrackingLevel.INDIVIDUAL, TrackingLevel.INDIVIDUAL, read_message_token, 1),
        (TrackingLevel.INDIVIDUAL, TrackingLevel.AGGREGATE, read_aggregate_token, 1),
        (TrackingLevel.AGGREGATE, TrackingLevel.INDIVIDUAL, read_aggregate_token, 1),
        (TrackingLevel.INDIVIDUAL, None, None, 0),
        (TrackingLevel.NONE, TrackingLevel.INDIVIDUAL, None, 0),
    ],
)
def test_links_count_no_more_than_the_recipient_allowed(sink, wanted, allowed, reader, pixels):
    run_id = campaign(1, tracking=wanted)
    if allowed:
        (address,) = rows("SELECT address_id FROM message")
        with transaction() as session:
            choose(session, address.address_id, tracking=allowed)
    worker().run()
    mail = message_from_bytes(sink.taken[0].content, policy=policy.SMTP)
    text = mail.get_body(("plain",)).get_content()
    tokens = re.findall(r"/c/([\w-]+)", text)
    assert ("https://shop.example/autumn" in text) is (reader is None)
    assert [reader(Purpose.CLICK, token).run_id for token in tokens] == ([run_id] if reader else [])
    (unsubscribe,) = re.findall(r"/u/([\w-]+)", text)
    assert read_message_token(Purpose.UNSUBSCRIBE, unsubscribe).run_id == run_id
    assert f"/u/{unsubscribe}" in mail["List-Unsubscribe"]


def test_a_sender_is_never_faster_than_its_limit(sink):
    run_id = campaign(25, most_per_second=10)
    sender = worker()
    assert sender.step() is True
    assert numbers(run_id)["sent"] == 10
    # On a slow machine that second may be over already.
    rows("UPDATE pace SET counted_at = clock_timestamp() + interval '1 hour' RETURNING 1")
    assert sender.step() is False
    assert 0 < sender.kept_back <= 1
    assert numbers(run_id)["sent"] == 10


def test_one_impossible_mail_does_not_stop_the_others(sink):
    run_id = campaign(2)
    rows("UPDATE endpoint SET value = 'p0@mail.example> RCPT TO:<x@y.example' WHERE value LIKE 'p0@%' RETURNING 1")
    worker().run()
    assert numbers(run_id) == {"audience": 2, "sent": 1, "failed": 1}
    assert "blank" in rows("SELECT reply_text FROM message WHERE state = 'failed'")[0].reply_text


def test_a_run_whose_sender_cannot_sign_waits_for_a_person(sink):
    run_id = campaign(2, dkim_selector="missing")
    worker().run()
    assert numbers(run_id) == {"audience": 2, "in_flight": 2}
    (run,) = rows("SELECT state, state_reason FROM run")
    assert run.state == "paused"
    assert "signing key" in run.state_reason


def test_international_names_arrive(listen):
    sink = listen(offers=("PIPELINING", "SMTPUTF8"))
    campaign(1)
    rows("UPDATE endpoint SET value = 'anna@münchen.example' RETURNING 1")
    rows("UPDATE contact SET first_name = 'Jürgen' RETURNING 1")
    worker().run()
    assert sink.taken[0].recipient == "anna@xn--mnchen-3ya.example"
    assert message_from_bytes(sink.taken[0].content, policy=policy.SMTP)["Subject"] == "Hello Jürgen"


def test_an_answer_of_a_megabyte_is_kept_short(listen):
    listen(on("RCPT", Say(b"".join([b"550-" + b"x" * 100 + b"\r\n"] * 300) + b"550 end\r\n")))
    campaign(1)
    worker().run()
    assert len(rows("SELECT reply_text FROM message")[0].reply_text) <= 1024
