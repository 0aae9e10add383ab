"""A block of a whole domain or company counts for messages that were not handed over yet, however close it comes."""

import threading
from random import randbytes

from sqlalchemy import text

from core.db import transaction
from delivery.claim import claim
from delivery.gate import gate
from suppression import Block, add_blocks, import_list, see_wide_blocks, target
from suppression.lists.at_ecg_file import address_digests
from tests.delivery.sending import campaign, numbers, rows, worker
from tests.suppression.people import approval

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


def test_a_list_comes_into_force_when_the_gate_has_ended_that_decides_without_it(sink, tmp_path):
    campaign(2)
    rows("UPDATE contact SET country = 'AT' RETURNING 1")
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(randbytes(20 * 9))
    listed = [each for name in ("p0", "p1") for each in address_digests(f"{name}@mail.example")]
    second.write_bytes(first.read_bytes() + b"".join(listed))
    import_list(path=first, list_id="at.ecg.file", actor="test")
    agreed = approval()
    with transaction() as session:
        batch, next_one = claim(session, most=1), claim(session, most=1)

    def load():
        import_list(path=second, list_id="at.ecg.file", actor="test", approval=agreed)

    with transaction() as session:
        assert len(gate(session, batch).bases) == 1
        thread, done = in_thread(load)
        assert not done.wait(WAIT), "the list counts beside a gate that does not know it"
    thread.join(timeout=10)
    assert done.is_set()
    with transaction() as session:
        assert gate(session, next_one).bases == {}
