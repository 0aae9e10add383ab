"""A journal that nobody holds shows that its worker is gone: nobody waits for the end of its lease."""

import os
import time

from core.db import transaction
from core.settings import settings
from delivery import handover_journal
from delivery.gate import gate
from delivery.handover_journal import keep
from tests.delivery.sending import campaign, numbers, worker
from tests.delivery.test_gate import claimed
from tests.delivery.test_journal import YES, files, lost, states
from tests.delivery.test_tidy import expire, tidied


def aged() -> None:
    """As if the journals had been written to some seconds ago."""
    for path in (settings().home / "handover").glob("*"):
        os.utime(path, (time.time() - 5, time.time() - 5))


def test_a_worker_that_is_certainly_gone_is_not_waited_for(sink):
    """Its lease runs on for a minute, but nobody holds its journal: who objects now need not wait for nobody."""
    run_id, _ = lost(4, YES, None, expired=False)
    assert tidied().reaped.found == 0
    aged()
    assert tidied().reaped.found == 4
    assert states() == ["sent", "unknown", "ready", "ready"]
    assert files() == []
    worker().run()
    assert numbers(run_id) == {"audience": 4, "sent": 3, "unknown": 1}


def test_nobody_takes_a_batch_away_from_a_worker_that_lives(sink):
    campaign(3)
    taken = claimed(most=3)
    with keep(taken.token) as journal:
        with transaction() as session:
            gate(session, taken)
        aged()
        assert tidied().reaped.found == 0
        assert states() == ["handing_over"] * 3
        assert journal.note(begun=[taken.message_ids[0]], ended={})


def test_a_journal_that_proves_nothing_does_not_shorten_the_lease(sink, monkeypatch, tmp_path):
    lost(2, YES, expired=False)
    aged()
    (tmp_path / "boot_id").write_text("another-boot\n")
    monkeypatch.setattr(handover_journal, "BOOT", tmp_path / "boot_id")
    assert tidied().reaped.found == 0
    expire()
    assert tidied().reaped.unknown == 2
