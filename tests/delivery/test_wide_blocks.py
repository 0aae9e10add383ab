"""A block of a whole domain or company counts for messages that were not handed over yet, however close it comes."""

import threading

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


def in_thread(work):
    done = threading.Event()

    def run():
        work()
        done.set()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, done


def test_a_gate_waits_for_a_block_that_is_being_stored_and_a_block_for_the_gate(sink):
    run_id = campaign(3)
    with transaction() as session:
        first, second = claim(session, most=1), claim(session, most=1)
    with transaction() as session, transaction() as other:
        # Gates do not wait for each other.
        see_wide_blocks(session)
        other.execute(text("SET LOCAL lock_timeout = '1s'"))
        see_wide_blocks(other)
    passed = []

    def decide():
        with transaction() as session:
            passed.append(gate(session, second).bases)

    def block():
        with transaction() as session:
            store(session, "*.other.example")

    with transaction() as session:
        assert len(gate(session, first).bases) == 1
        thread, done = in_thread(block)
        assert not done.wait(WAIT), "the block was stored beside a gate that does not know it"
    thread.join(timeout=10)
    with transaction() as session:
        store(session, "@mail.example")
        thread, done = in_thread(decide)
        assert not done.wait(WAIT), "the gate decided without the block"
    thread.join(timeout=10)
    assert passed == [{}]
    worker().run()
    assert sorted(row.state for row in rows("SELECT state FROM message")) == ["blocked", "blocked", "handing_over"]
    assert numbers(run_id)["blocked"] == 2
    assert sink.taken == []
