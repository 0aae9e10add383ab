"""Workers killed with -9 in the middle of everything: nobody gets a mail twice, nobody is forgotten."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

from core.db import transaction
from delivery import finish_if_done, tidy
from tests.delivery.sending import campaign, numbers, rows
from tests.smtp_sink import Drop, say

PEOPLE = 600
KILLS = 6
# `make faults` takes others, and kills more.
SEED = 2
# Seconds that the server thinks about a mail, so that workers die in the middle of batches.
PACE = 0.01

# What a worker process does, without the queue: it polls the ledger.
LOOP = """
import time
from delivery.worker import Worker
worker = Worker()
while True:
    worker.run()
    time.sleep(0.05)
"""


def unreliable(seed: int):
    """Greylists, refuses, drops before and after taking the mail, each for a few. `doubts` counts the last."""
    chance = random.Random(seed)
    doubts: Counter[str] = Counter()

    def behave(verb, _recipient, _count):
        if verb == "RCPT":
            return chance.choices([None, say(451), say(550, "5.1.1 nobody"), Drop()], [94, 3, 2, 1])[0]
        if verb == "DOT":
            takes = say(250, after=PACE)
            answer = chance.choices([takes, Drop(taken=True), Drop(), say(451), say(554)], [93, 2, 1, 2, 2])[0]
            doubts["mails"] += isinstance(answer, Drop)
            return answer
        return None

    return behave, doubts


def start() -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", LOOP], env=dict(os.environ), start_new_session=True)


def test_killed_workers_neither_repeat_nor_forget(listen, monkeypatch):
    # What is put off in a lost worker's journal is tried again as soon as what a living one settles.
    monkeypatch.setenv("CRUSOE_RETRY_AFTER", "0.2")
    behave, doubts = unreliable(SEED)
    sink = listen(behave, keep_content=False)
    run_id = campaign(PEOPLE)
    chance = random.Random(SEED)
    workers = [start() for _ in range(2)]
    try:
        for _ in range(KILLS):
            wait_for_mails(sink, 5)
            time.sleep(chance.uniform(0, 0.3))
            for process in workers:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            # A minute later, in short.
            rows("UPDATE message SET lease_until = now() WHERE lease_until IS NOT NULL RETURNING 1")
            clean()
            workers = [start() for _ in range(2)]
        until = time.monotonic() + 60
        while not finished(run_id) and time.monotonic() < until:
            clean()
            time.sleep(0.2)
    finally:
        for process in workers:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    check(sink, run_id)
    # A killed worker leaves one mail on each of its connections in doubt, not its batch.
    assert numbers(run_id).get("unknown", 0) <= doubts["mails"] + sink.connections


def wait_for_mails(sink, many: int) -> None:
    """Until so many more were taken: a worker that is killed before it begins shows nothing."""
    before, until = len(sink.taken), time.monotonic() + 30
    while len(sink.taken) < before + many and time.monotonic() < until:
        time.sleep(0.01)


def clean() -> None:
    with transaction() as session:
        tidy(session)


def finished(run_id: int) -> bool:
    with transaction() as session:
        return finish_if_done(session, run_id=run_id)


def check(sink, run_id: int) -> None:
    found = numbers(run_id)
    ended = {name: count for name, count in found.items() if name != "audience"}
    assert set(ended) <= {"sent", "failed", "unknown"}, found
    assert sum(ended.values()) == PEOPLE
    taken = Counter(each.recipient for each in sink.taken)
    assert max(taken.values()) == 1
    states = dict(rows("SELECT e.value, m.state::text FROM message m JOIN endpoint e USING (address_id)"))
    sent = {address for address, state in states.items() if state in {"sent", "resolved_sent"}}
    unknown = {address for address, state in states.items() if state == "unknown"}
    assert sent <= taken.keys()
    assert taken.keys() <= sent | unknown
    assert rows("SELECT count(*) FROM message WHERE decision_id IS NULL") == [(0,)]
