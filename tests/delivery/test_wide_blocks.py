"""A block of a whole domain or company counts for messages that were not handed over yet, however close it comes."""

import threading

import pytest
from sqlalchemy import text

from core.db import transaction
from delivery.claim import claim
from delivery.gate import gate
from suppression import Block, add_blocks, see_wide_blocks, target
from tests.delivery.sending import campaign, numbers, rows, worker

WAIT = 0.3


def store(session, what):
    block = Block(target=target(what), reason="they are rivals")
    (stored,) = add_blocks(session, [block], source="test", evidence={})
    assert stored.created


@pytest.mark.parametrize("what", ["@mail.example", "*.mail.example", "company:Rival GmbH"])
def test_a_block_between_plan_and_gate_counts(sink, what):
    run_id = campaign(2)
    rows(
        "WITH rival AS (INSERT INTO company (name) VALUES ('Rival GmbH') RETURNING id)"
        " UPDATE contact SET company_id = rival.id FROM rival RETURNING 1"
    )
    with transaction() as session:
        store(session, what)
    worker().run()
    assert numbers(run_id) == {"audience": 2, "blocked": 2}
    assert sink.taken == []


def in_thread(work):
    done = threading.Event()

    def run():
        work()
        done.set()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, done


def test_a_gate_waits_for_a_block_that_is_being_stored_and_then_refuses(sink):
    campaign(2)
    with transaction() as session:
        taken = claim(session, most=10)
    passed = []

    def decide():
        with transaction() as session:
            passed.append(gate(session, taken).bases)

    with transaction() as session:
        store(session, "@mail.example")
        thread, done = in_thread(decide)
        assert not done.wait(WAIT), "the gate decided without the block"
    thread.join(timeout=10)
    assert passed == [{}]
    assert {row.state for row in rows("SELECT state FROM message")} == {"blocked"}


def test_a_block_waits_for_the_gate_so_that_what_passed_is_on_record(sink):
    campaign(2)
    with transaction() as session:
        taken = claim(session, most=10)

    def block():
        with transaction() as session:
            store(session, "@mail.example")

    with transaction() as session:
        assert len(gate(session, taken).bases) == 2
        thread, done = in_thread(block)
        assert not done.wait(WAIT), "the block was stored beside a gate that does not know it"
    thread.join(timeout=10)
    assert {row.state for row in rows("SELECT state FROM message")} == {"handing_over"}


def test_gates_do_not_wait_for_each_other(database):
    with transaction() as session, transaction() as other:
        see_wide_blocks(session)
        other.execute(text("SET LOCAL lock_timeout = '1s'"))
        see_wide_blocks(other)
