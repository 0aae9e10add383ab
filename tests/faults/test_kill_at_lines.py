"""A worker that is killed at each step of its way: nobody gets two mails, nobody is forgotten, hardly a doubt."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from core.db import transaction
from delivery import finish_if_done, tidy
from tests.delivery.sending import campaign, numbers, rows, worker
from tests.smtp_sink import Sink

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

PEOPLE, CONNECTIONS = 12, 2
TIMES = tuple(int(each) for each in os.environ.get("FAULT_TIMES", "1,3").split(","))

# Where: file, function, before or after it. `doubt`: whether a mail may be on its way there, one on each connection.
LINES = (
    ("before a batch is claimed", "delivery/worker.py", "_claim", "before", False),
    ("claimed, not yet stored", "delivery/claim.py", "_take", "after", False),
    ("claimed, before a connection", "delivery/worker.py", "_connect", "before", False),
    ("with a connection, before the gate", "delivery/gate.py", "gate", "before", False),
    ("decided, not yet marked", "delivery/gate.py", "_mark", "before", False),
    ("passed the gate, not yet stored", "delivery/gate.py", "gate", "after", False),
    ("passed the gate", "delivery/handover.py", "run", "before", False),
    ("before an envelope", "delivery/smtp/conversation.py", "announce", "before", True),
    ("after an envelope", "delivery/smtp/conversation.py", "announce", "after", True),
    ("before the body is noted", "delivery/handover_journal.py", "_write", "before", True),
    ("noted, before the body", "delivery/smtp/conversation.py", "deliver", "before", True),
    ("after the body and its dot", "delivery/smtp/exchange.py", "_send_body", "after", True),
    ("with the answer to the dot", "delivery/smtp/conversation.py", "_hear_dot", "before", True),
    ("with the outcome, before it is stored", "delivery/settle.py", "settle", "before", True),
    ("settled, not yet stored", "delivery/settle.py", "settle", "after", True),
    ("settled, with the journal still there", "delivery/handover_journal.py", "remove", "before", True),
    ("after a whole batch", "delivery/worker.py", "step", "after", False),
)


@pytest.mark.parametrize("nth", TIMES)
def test_a_worker_may_die_at_every_line(database, monkeypatch, nth):
    broken: list[str] = []
    # What is done once for each batch comes only once.
    lines = [line for line in LINES if nth == 1 or "/smtp/" in line[1]]
    for number, (name, file, function, when, doubt) in enumerate(lines):
        with Sink(keep_content=False) as sink:
            monkeypatch.setenv("CRUSOE_SMTP_URL", f"{sink.url}?connections={CONNECTIONS}")
            _forget_settings()
            run_id = _fresh_run(number)
            killed = _work(file, function, when, nth)
            if not killed:
                broken.append(f"{name}: it never came to {function} in {file}")
            _clean_up(run_id)
            broken += [f"{name}, time {nth}: {wrong}" for wrong in _wrongs(run_id, sink, doubt=doubt and killed)]
    assert broken == []


def _forget_settings() -> None:
    from core.settings import settings

    settings.cache_clear()


def _fresh_run(number: int) -> int:
    """A run to people of its own: those of earlier lines were written to already."""
    rows("DELETE FROM exposure RETURNING 1")
    if number == 0:
        return campaign(PEOPLE)
    return _again()


def _again() -> int:
    from contacts.models import TrackingLevel
    from delivery import open_run
    from tests.delivery.sending import WORDS, write_down

    with transaction() as session:
        (sender,) = rows("SELECT id FROM sender")
        run_id = open_run(
            session,
            name="again",
            sender_id=sender.id,
            purpose="newsletter",
            tracking=TrackingLevel.NONE,
            compiled=WORDS,
        )
    write_down(run_id)
    return run_id


def _work(file: str, function: str, when: str, nth: int) -> bool:
    script = str(Path(__file__).with_name("kill_at.py"))
    done = subprocess.run(
        [sys.executable, script, file, function, when, str(nth)],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode == -signal.SIGKILL


def _clean_up(run_id: int) -> None:
    """A minute later, in short; then others finish what is left."""
    for _ in range(20):
        rows("UPDATE message SET lease_until = now() WHERE lease_until IS NOT NULL RETURNING 1")
        with transaction() as session:
            tidy(session)
        rows("UPDATE message SET not_before = now() WHERE state = 'ready' RETURNING 1")
        hands = worker()
        hands.run()
        hands.close()
        with transaction() as session:
            if finish_if_done(session, run_id=run_id):
                return


def _wrongs(run_id: int, sink: Sink, *, doubt: bool) -> list[str]:
    taken = Counter(each.recipient for each in sink.taken)
    states = dict(
        rows(
            "SELECT e.value, m.state::text FROM message m JOIN endpoint e USING (address_id) WHERE run_id = :r",
            r=run_id,
        )
    )
    unknown = {who for who, state in states.items() if state == "unknown"}
    sent = {who for who, state in states.items() if state == "sent"}
    checks = {
        "I1 somebody got it twice": max(taken.values(), default=1) > 1,
        f"I3 not everybody ended: {numbers(run_id)}": sent | unknown != set(states) or len(states) != PEOPLE,
        "I4 sent, and not taken": not sent <= taken.keys(),
        "I4 taken, and neither sent nor unknown": not taken.keys() <= sent | unknown,
        "I5 a mail without a decision": bool(
            rows("SELECT 1 FROM message WHERE run_id = :r AND decision_id IS NULL", r=run_id)
        ),
        f"I10 {len(unknown)} unknown": len(unknown) > (CONNECTIONS if doubt else 0),
    }
    return [wrong for wrong, found in checks.items() if found]
