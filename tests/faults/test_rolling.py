"""F22: workers are started anew one after the other, and tables grow, while mail is sent: nobody twice, nobody lost."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from app.demo.commands import run
from core.settings import settings
from tests.faults.doors import Objectors
from tests.faults.mix import get_ready, installed, launch, run_state, wait_until_over
from tests.faults.oracle import Accounts, compare, faults_of_chains, fired_twice, not_stored, read_ledger
from tests.faults.seed import SEED
from tests.faults.sinks import Moods
from tests.smtp_sink import Sink

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

PEOPLE = int(os.environ.get("FAULT_PEOPLE", "1500"))
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))

# What a later version might do: with the code of today at work on the same tables.
GROWTH = (
    "ALTER TABLE message ADD COLUMN later text",
    "ALTER TABLE run ADD COLUMN later integer NOT NULL DEFAULT 7",
    "ALTER TABLE decision ADD COLUMN later jsonb",
    "CREATE TABLE of_tomorrow (id bigint PRIMARY KEY, message_id bigint)",
    "ALTER TABLE address ADD COLUMN later text NOT NULL DEFAULT 'x'",
)


def grow(statement: str, *, tries: int = 20) -> int:
    """As migrations do it: give up a lock after ten seconds, and let somebody try again. Answers the tries."""
    engine = create_engine(settings().database_url, connect_args={"options": "-c lock_timeout=10s"})
    for number in range(1, tries + 1):
        try:
            with engine.begin() as connection:
                connection.execute(text(statement))
        except OperationalError:
            continue
        engine.dispose()
        return number
    raise AssertionError(f"never got its lock: {statement}")


def restart(environment: dict[str, str]) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "app", "restart", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_workers_are_renewed_and_tables_grow_while_mail_is_sent(tell: Callable[[str], None]) -> None:
    dice = Random(SEED)
    moods = Moods(random=Random(dice.random()), pause=1.6)
    with (
        tempfile.TemporaryDirectory(prefix="crusoe-fault-", ignore_cleanup_errors=True) as folder,
        Sink(moods, keep_content=False) as sink,
    ):
        Path(folder).chmod(0o755)
        with installed(Path(folder), sink) as installation:
            company = get_ready(Path(folder) / "company", people=PEOPLE)
            moods.pace = 1.0
            run_id = launch()
            while len(moods.ended) < 50:
                time.sleep(0.1)
            over = threading.Event()
            crowd = [Objectors(installation, run_id, Random(dice.random()), over, most=30) for _ in range(2)]
            threads = [threading.Thread(target=each.run) for each in crowd]
            for thread in threads:
                thread.start()
            renewed, tries = [], []
            for number in range(ROUNDS):
                renewed += restart(installation.environment)
                tries += [grow(statement) for statement in GROWTH[number::ROUNDS]]
            still_sending = run_state(run_id) != "done"
            over.set()
            for thread in threads:
                thread.join(timeout=150)
            moods.pace = 0
            waited = wait_until_over(run_id, seconds=max(240.0, PEOPLE / 100))
            opt_outs = [each for one in crowd for each in one.answered]
            found = compare(
                Accounts(
                    company=company,
                    deliveries=sink.deliveries,
                    ended=moods.ended,
                    opt_outs=opt_outs,
                    ledger=read_ledger(run_id),
                    # An orderly end leaves nothing half done, so nothing in doubt but what the server made doubtful.
                    ambiguous=moods.ambiguous,
                    early=moods.early,
                    not_stored=not_stored(opt_outs),
                    faults_of_chains=faults_of_chains(),
                    fired_twice=fired_twice(),
                )
            )
            numbers = run("campaign", "report", "letter")
    tell(f"{dict(found.states)}; opt-outs {len(opt_outs)}; tries for locks {tries}")
    tell(f"done {waited:.0f} s after the last restart")
    tell("renewed: " + ", ".join(f"{one['name']} {one['seconds']} s" for one in renewed))
    assert found.sentences == []
    assert still_sending, "the run was over before the restarts were: give it more people"
    assert all(one["before"] != one["after"] for one in renewed)
    assert {one["name"] for one in renewed} >= {"worker-1", "worker-2", "scheduler", "web"}
    assert numbers["in_flight"] == 0
    assert numbers["audience"] == sum(found.states.values())
