"""After a worker died: nothing is lost, and nothing that may have arrived is sent again."""

import pytest

from core.db import transaction
from delivery import tidy
from delivery.claim import claim
from delivery.gate import gate
from delivery.recipients import matter, recipients
from delivery.settle import settle
from delivery.smtp import Accepted, Phase
from tests.delivery.sending import campaign, numbers, rows, worker
from tests.delivery.test_gate import claimed


def expire() -> None:
    rows("UPDATE message SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL RETURNING 1")


def tidied():
    with transaction() as session:
        return tidy(session)


def test_what_was_only_claimed_is_sent_by_somebody_else(sink):
    run_id = campaign(3)
    claimed(most=2)
    assert tidied().ready == 0
    expire()
    assert tidied().ready == 2
    worker().run()
    assert numbers(run_id) == {"audience": 3, "sent": 3}


def test_what_was_being_handed_over_is_unknown_and_stays_so(sink):
    run_id = campaign(3)
    taken = claimed(most=2)
    with transaction() as session:
        gate(session, taken)
    expire()
    assert tidied().reaped.unknown == 2
    worker().run()
    tidied()
    assert numbers(run_id) == {"audience": 3, "sent": 1, "unknown": 2}
    assert len(sink.taken) == 1


def test_unless_the_operator_chose_to_try_once_more(sink):
    run_id = campaign(1)
    rows("UPDATE run SET retry_unknown = true RETURNING 1")
    for left in (1, 0):
        taken = claimed()
        with transaction() as session:
            gate(session, taken)
        expire()
        assert tidied().once_more == left
    assert numbers(run_id) == {"audience": 1, "unknown": 1}


def test_a_mail_that_kills_its_workers_is_given_up(sink):
    run_id = campaign(1)
    for _ in range(5):
        claimed()
        expire()
        tidied()
    assert numbers(run_id) == {"audience": 1, "failed": 1}


# No number to sign: a value that nothing of ours writes.
DEADLY = """
    INSERT INTO message_value (message_id, values) VALUES (31, '{"a": {"path": "/a", "sign": "x"}}') RETURNING 1
"""


def test_nobody_is_given_up_for_being_on_board_with_a_mail_that_kills_its_workers(sink):
    run_id = campaign(60)
    rows(DEADLY)
    for _ in range(5):
        with pytest.raises(ValueError, match="invalid literal"):
            worker().run()
    worker().run()
    assert numbers(run_id) == {"audience": 60, "sent": 59, "failed": 1}
    assert len({each.recipient for each in sink.taken}) == len(sink.taken) == 59
    assert rows("SELECT id, reply_text FROM message WHERE state = 'failed'") == [(31, "its worker died 5 times")]


def test_after_an_error_of_ours_a_worker_goes_on_with_its_connections(sink):
    run_id = campaign(60)
    rows(DEADLY)
    kept = worker()
    with pytest.raises(ValueError, match="invalid literal"):
        kept.run()
    assert rows("SELECT DISTINCT state::text FROM message ORDER BY 1") == [("ready",), ("sent",)]
    rows("DELETE FROM message_value RETURNING 1")
    kept.run()
    assert numbers(run_id) == {"audience": 60, "sent": 60}
    assert sink.connections <= 4


def test_a_worker_that_was_only_frozen_can_still_say_that_it_arrived(sink):
    """Its lease ran out, the message became unknown; the answer of the server is evidence all the same."""
    run_id = campaign(1)
    with transaction() as session:
        taken = claim(session, most=1)
        about = matter(session, run_id=run_id)
        people = {each.message_id: each for each in recipients(session, message_ids=taken.message_ids)}
    with transaction() as session:
        bases = gate(session, taken).bases
    expire()
    tidied()
    outcomes = {taken.message_ids[0]: Accepted(Phase.DOT, 250, "ok")}
    known = {"claim": taken, "matter": about, "recipients": people, "bases": bases, "backoff": worker().backoff}
    for settled in (1, 0):
        with transaction() as session:
            assert settle(session, outcomes=outcomes, **known) == settled
    assert rows("SELECT state::text FROM message") == [("resolved_sent",)]
    assert numbers(run_id) == {"audience": 1, "sent": 1}


def test_a_late_outcome_changes_nothing_that_somebody_else_settled(sink):
    run_id = campaign(1)
    first = claimed()
    expire()
    tidied()
    with transaction() as session:
        about = matter(session, run_id=run_id)
        people = {each.message_id: each for each in recipients(session, message_ids=first.message_ids)}
    second = claimed()
    with transaction() as session:
        assert gate(session, first).bases == {}
        bases = gate(session, second).bases
        settled = settle(
            session,
            claim=first,
            matter=about,
            recipients=people,
            outcomes={first.message_ids[0]: Accepted(Phase.DOT, 250, "ok")},
            bases=bases,
            backoff=worker().backoff,
        )
    assert settled == 0
    assert numbers(run_id) == {"audience": 1, "in_flight": 1}
