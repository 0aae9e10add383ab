"""Single answers go the same way as everything else, and leave nothing of what they said."""

import re
from email import message_from_bytes, policy

from contacts import email_address, ensure_addresses
from core import clock
from core.db import transaction
from delivery import enqueue, report, standing_run, state_of, tidy
from suppression import Cause, add
from templates import Compiled
from tests.delivery.sending import campaign, numbers, rows, worker
from tests.factories import sender
from tests.smtp_sink import Drop, on
from tracking import read_id_token

CONFIRM = Compiled(
    locale="en",
    subject="Please confirm",
    html='<p><a href="{{ confirm_url }}">confirm</a> {{ code }}</p>',
    text="{{ confirm_url }} {{ code }}",
    links=(),
    unsubscribable=False,
)


def asked(occurrence: int = 1, compiled: Compiled = CONFIRM, address: str = "new@mail.example"):
    with transaction() as session:
        email = email_address(address)
        address_id = ensure_addresses(session, [email])[email.key]
        shop = rows_of_sender(session)
        run_id = standing_run(session, name="double_opt_in", sender_id=shop, compiled=compiled)
        message_id = enqueue(
            session,
            run_id=run_id,
            address_id=address_id,
            occurrence=occurrence,
            recipient=email.value,
            values={"confirm_url": {"path": "/k/", "sign": 42}, "code": "x"},
        )
    return run_id, message_id, address_id


def rows_of_sender(session) -> int:
    from sqlalchemy import select

    from delivery.models import Sender

    return session.scalar(select(Sender.id).where(Sender.code == "doi")) or sender(session, "doi").id


def test_an_answer_reaches_somebody_who_is_no_contact_yet(sink):
    run_id, message_id, _ = asked()
    assert worker().run() is False
    (delivery,) = sink.taken
    assert delivery.recipient == "new@mail.example"
    mail = message_from_bytes(delivery.content, policy=policy.SMTP)
    assert "List-Unsubscribe" not in mail
    (token,) = re.findall(r"/k/([\w-]+)", mail.get_body(("plain",)).get_content())
    assert read_id_token(token) == 42
    with transaction() as session:
        assert state_of(session, message_id=message_id) == "sent"
        assert report(session, run_id=run_id)["audience"] == 1
    assert rows("SELECT count(*) FROM message_value") == [(0,)]
    assert rows("SELECT d.basis, c.purpose FROM decision d JOIN decision_context c USING (batch_id)") == [
        ("own_request", "transactional")
    ]


def test_the_same_occasion_writes_once(sink):
    run_id, first, _ = asked(1)
    assert asked(1)[:2] == (run_id, None)
    assert asked(2)[1] != first
    worker().run()
    assert len(sink.taken) == 2


def test_a_complaint_stops_answers_too(sink):
    run_id, _, address_id = asked()
    with transaction() as session:
        add(session, address_id=address_id, cause=Cause.COMPLAINT, at=clock.now(), source="test")
    worker().run()
    assert numbers(run_id) == {"audience": 1, "blocked": 1}
    with transaction() as session:
        assert tidy(session).forgotten == 1


def test_answers_go_before_campaigns(sink):
    campaign(30)
    asked()
    worker().step()
    assert [each.recipient for each in sink.taken] == ["new@mail.example"]


def test_an_answer_is_tried_once_more_after_an_ambiguous_ending(listen):
    sink = listen(on("DOT", Drop(taken=False), times=1))
    run_id, _, _ = asked()
    worker().run()
    assert numbers(run_id) == {"audience": 1, "unknown": 1}
    assert rows("SELECT count(*) FROM message_value") == [(1,)]
    with transaction() as session:
        tidy(session)
    worker().run()
    assert numbers(run_id) == {"audience": 1, "sent": 1}
    assert len(sink.taken) == 1
    assert rows("SELECT count(*) FROM message_value") == [(0,)]


def test_a_new_wording_begins_a_new_run_and_the_old_one_ends(sink):
    from dataclasses import replace

    old, _, _ = asked(1)
    assert asked(2)[0] == old
    new, _, _ = asked(3, compiled=replace(CONFIRM, subject="Please do confirm"))
    assert new != old
    worker().run()
    with transaction() as session:
        tidy(session)
    assert rows("SELECT id, state FROM run ORDER BY id") == [(old, "done"), (new, "open")]
    assert len(sink.taken) == 3
