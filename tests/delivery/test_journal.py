"""What a lost worker's journal proves: answers count, what was never begun is sent, all else stays unknown."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from core.db import transaction
from core.settings import settings
from delivery import handover_journal, tidy
from delivery.gate import gate
from delivery.handover_journal import LOST, NOT_BEGUN, NOTHING, forget_stale, keep, left_by, parse
from delivery.smtp import Accepted, Deferred, Outcome, Phase, Refused
from suppression import entries
from tests.delivery.sending import campaign, numbers, rows, worker
from tests.delivery.test_gate import claimed
from tests.delivery.test_tidy import expire, tidied
from tests.smtp_sink import say

YES = Accepted(Phase.DOT, 250, "queued")

# A batch that lasts: everything that is claimed is handed over in one go.
LOOP = """
from delivery.worker import Worker
Worker(budget=60).run()
"""


class Killed(Exception):
    pass


def lost(many: int, *done: Outcome | None, expired: bool = True) -> tuple[int, list[int]]:
    """A worker passes the gate with so many, gets these answers (None: begun, none came), and is gone."""
    run_id = campaign(many)
    taken = claimed(most=many)
    with pytest.raises(Killed), keep(taken.token) as journal:
        with transaction() as session:
            gate(session, taken)
        for message_id, outcome in zip(taken.message_ids, done, strict=False):
            assert journal.note(begun=[message_id], ended={})
            if outcome is not None:
                journal.note(ended={message_id: outcome})
        raise Killed
    if expired:
        expire()
    return run_id, list(taken.message_ids)


def states() -> list[str]:
    return [row.state for row in rows("SELECT state::text FROM message ORDER BY id")]


def files() -> list[str]:
    return [path.name for path in (settings().home / "handover").glob("*")]


def test_answers_of_a_lost_worker_count_and_what_it_never_began_is_sent(sink):
    run_id, _ = lost(5, YES, Deferred(Phase.RCPT, 450, "later"), Refused(Phase.RCPT, 550, "5.1.1 nobody"), None)
    assert tidied().reaped.unknown == 1
    assert states() == ["sent", "ready", "failed", "unknown", "ready"]
    assert rows("SELECT reply_code, reply_text, attempts, token FROM message ORDER BY id LIMIT 1") == [
        (250, "queued", 1, None)
    ]
    assert rows("SELECT kind::text, count(*) FROM event GROUP BY 1 ORDER BY 1") == [("bounce", 1), ("sent", 1)]
    assert rows("SELECT sum(messages) FROM exposure") == [(1,)]
    (dead,) = rows("SELECT address_id FROM message WHERE state = 'failed'")
    with transaction() as session:
        assert [entry.cause for entry in entries(session, address_id=dead.address_id)] == ["hard_bounce"]
    assert files() == []
    worker().run()
    assert numbers(run_id) == {"audience": 5, "sent": 2, "deferred": 1, "failed": 1, "unknown": 1}
    assert [each.recipient for each in sink.taken] == ["p4@mail.example"]


def test_after_another_start_of_the_system_the_journal_proves_nothing(sink, monkeypatch, tmp_path):
    run_id, _ = lost(4, YES, None)
    (tmp_path / "boot_id").write_text("another-boot\n")
    monkeypatch.setattr(handover_journal, "BOOT", tmp_path / "boot_id")
    assert tidied().reaped.unknown == 4
    worker().run()
    assert numbers(run_id) == {"audience": 4, "unknown": 4}
    assert sink.taken == []


def test_where_the_system_does_not_tell_its_boot_no_journal_is_kept(sink, monkeypatch, tmp_path):
    monkeypatch.setattr(handover_journal, "BOOT", tmp_path / "nothing")
    run_id, _ = lost(2)
    assert files() == []
    assert tidied().reaped.unknown == 2
    assert numbers(run_id) == {"audience": 2, "unknown": 2}


def test_two_who_tidy_at_once_settle_a_lost_batch_once(sink):
    lost(3, YES)
    with transaction() as first:
        assert tidy(first).reaped.found == 3
        assert tidied().reaped.found == 0
    assert states() == ["sent", "ready", "ready"]
    assert rows("SELECT sum(messages) FROM exposure") == [(1,)]


def test_what_is_rolled_back_keeps_its_journal(sink):
    lost(3, YES)
    with pytest.raises(Killed), transaction() as session:
        tidy(session)
        raise Killed
    assert len(files()) == 1
    assert tidied().reaped.found == 3
    assert states() == ["sent", "ready", "ready"]


def test_a_worker_that_died_after_settling_leaves_a_file_and_no_harm(sink):
    run_id = campaign(1)
    worker().run()
    with pytest.raises(Killed), keep(4711):
        raise Killed
    assert tidied().reaped.found == 0
    assert numbers(run_id) == {"audience": 1, "sent": 1}
    assert forget_stale() == 0
    assert forget_stale(seconds=-1) == 1
    assert files() == []


def test_a_file_that_is_in_use_is_never_stale(home):
    with keep(4711):
        assert forget_stale(seconds=-1) == 0
        assert files() == ["4711"]
        assert left_by(4711) is NOTHING


def test_a_settled_batch_leaves_no_file(sink):
    campaign(30)
    worker().run()
    assert files() == []


def test_mail_is_sent_where_no_journal_can_be_written(sink):
    run_id = campaign(3)
    (settings().home / "handover").write_text("in the way")
    worker().run()
    assert numbers(run_id) == {"audience": 3, "sent": 3}


# No file of this process grows longer than the head of a journal, or than that and a part of a line (setrlimit(2)).
FULL = """
import resource
from delivery.handover_journal import folder, keep
from delivery.worker import Worker
worker = Worker(budget=60)
with keep(4711):
    head = (folder() / "4711").stat().st_size
for room in (head, head + 3):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    assert worker.step()
"""


def test_a_mail_that_cannot_be_noted_is_not_begun(sink):
    """The disk is full in the middle of a batch: those mails wait, and go out once there is room again."""
    run_id = campaign(3)
    full = subprocess.run([sys.executable, "-c", FULL], check=True, capture_output=True, text=True, timeout=60)
    assert "journal_not_written" in full.stdout
    assert sink.taken == []
    assert states() == ["ready"] * 3
    worker().run()
    assert numbers(run_id) == {"audience": 3, "sent": 3}


HEAD = "handover 1 this-boot host\n"


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        (HEAD, NOT_BEGUN, NOT_BEGUN),
        (HEAD + "begun 1\n", LOST, NOT_BEGUN),
        (HEAD + 'begun 1\ndone 1 {"kind": "Accepted", "phase": "dot", "code": 250, "text": "ok"}\n', None, NOT_BEGUN),
        # Torn: the answer before it counts, but who was to be begun next cannot be told.
        (HEAD + 'begun 1\ndone 1 {"kind": "Accepted", "phase": "dot", "code": 250, "text": "ok"}\nbeg', None, LOST),
        (HEAD + "begun 1\nbegun 2", LOST, LOST),
        (HEAD + 'begun 1\ndone 1 {"kind": "Acc', LOST, LOST),
        (HEAD.strip(), LOST, LOST),
        ("", LOST, LOST),
        ("handover 1 other-boot host\n", LOST, LOST),
        ("handover 2 this-boot host\n", LOST, LOST),
        (HEAD + "\n", LOST, LOST),
        (HEAD + "begun 1\nnonsense\n", LOST, LOST),
        (HEAD + 'done 1 {"kind": "Accepted", "phase": "dot", "code": 250, "text": "ok"}\n', LOST, LOST),
        (HEAD + 'begun 1\ndone 1 {"kind": "Perhaps", "phase": "dot", "code": 250, "text": "ok"}\n', LOST, LOST),
        (HEAD + "begun \xff\n", LOST, LOST),
    ],
)
def test_only_a_whole_journal_of_this_boot_shows_what_was_not_begun(text, first, second):
    left = parse(text.encode("latin-1"), here="this-boot")
    assert left.outcome(1) == (first or Accepted(Phase.DOT, 250, "ok"))
    assert left.outcome(2) == second
    assert parse(text.encode("latin-1"), here=None) is NOTHING


def start() -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", LOOP], env=dict(os.environ))


def wait_for(sink, many: int) -> None:
    until = time.monotonic() + 40
    while len(sink.taken) < many:
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_worker_killed_in_the_middle_costs_one_unknown_for_each_open_connection_at_most(listen):
    sink = listen(lambda verb, _recipient, _count: say(250, after=0.03) if verb == "DOT" else None)
    run_id = campaign(120)
    process = start()
    wait_for(sink, 20)
    process.kill()
    process.wait()
    time.sleep(0.2)
    expire()
    tidied()
    taken = {each.recipient for each in sink.taken}
    found = numbers(run_id)
    assert found.get("unknown", 0) <= sink.connections
    assert found["sent"] + found.get("unknown", 0) >= 20
    worker().run()
    assert numbers(run_id) == {"audience": 120, "sent": 120 - found.get("unknown", 0)} | {
        name: count for name, count in found.items() if name == "unknown"
    }
    assert max(Counter(each.recipient for each in sink.taken).values()) == 1
    ended = dict(rows("SELECT e.value, m.state::text FROM message m JOIN endpoint e USING (address_id)"))
    assert {ended[each] for each in taken} <= {"sent", "unknown"}
    assert rows("SELECT count(*) FROM event WHERE kind = 'sent'") == [(numbers(run_id)["sent"],)]


def test_what_a_stopped_worker_holds_is_never_sent_by_another(listen):
    """It may wake up at any time and go on, so nothing of its batch is certain."""
    go_on = threading.Event()

    def slow(verb, _recipient, count):
        if verb == "DOT" and count > 5:
            go_on.wait(20)

    sink = listen(slow)
    run_id = campaign(30)
    process = start()
    wait_for(sink, 5)
    process.send_signal(signal.SIGSTOP)
    try:
        expire()
        assert tidied().reaped.unknown == 30
        go_on.set()
        worker().run()
        assert numbers(run_id) == {"audience": 30, "unknown": 30}
        process.send_signal(signal.SIGCONT)
        process.wait(timeout=30)
    finally:
        process.kill()
        process.wait()
    # Its lease by its own clock had not run out, so it went on; what it knows is evidence.
    tidied()
    worker().run()
    taken = Counter(each.recipient for each in sink.taken)
    assert max(taken.values()) == 1
    assert numbers(run_id)["sent"] == len(taken)
