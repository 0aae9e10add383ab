"""F3: a worker is frozen for longer than its lease, in the middle of a batch, and goes on as if nothing had been."""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from core.db import transaction
from delivery.claim import LEASE
from tests.faults.doors import Objectors
from tests.faults.mix import get_ready, installed, launch, run_state, wait_until_over
from tests.faults.oracle import Accounts, compare, faults_of_chains, fired_twice, not_stored, read_ledger
from tests.faults.seed import SEED
from tests.smtp_sink import Sink, on, say

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

PEOPLE = int(os.environ.get("FAULT_PEOPLE", "1200"))
# So long that the lease has run out, and whoever tidies up has come by.
FROZEN = LEASE.total_seconds() + 12
# What was on its connections when it froze.
ON_BOARD = 12


def test_a_worker_that_sleeps_through_the_end_of_its_lease_sends_nothing_twice(
    tell: Callable[[str], None],
) -> None:
    dice = Random(SEED)
    with (
        tempfile.TemporaryDirectory(prefix="crusoe-fault-", ignore_cleanup_errors=True) as name,
        Sink(on("DOT", say(250, after=0.3)), keep_content=False) as sink,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        with installed(folder, sink) as installation:
            company = get_ready(folder / "company", people=PEOPLE)
            run_id = launch()
            while len(sink.taken) < PEOPLE // 10:
                time.sleep(0.05)
            over = threading.Event()
            crowd = Objectors(installation, run_id, Random(dice.random()), over)
            thread = threading.Thread(target=crowd.run)
            thread.start()
            frozen = installation.wait_for("worker-1")
            os.killpg(frozen, signal.SIGSTOP)
            try:
                began = time.time()
                time.sleep(FROZEN)
            finally:
                os.killpg(frozen, signal.SIGCONT)
            woke = time.time()
            time.sleep(3)
            over.set()
            thread.join(60)
            wait_until_over(run_id, seconds=120)
            with transaction() as session:
                lost = session.scalar(text("SELECT count(*) FROM message WHERE leases_lost > 0"))
            ledger, taken = read_ledger(run_id), sink.taken
            done = run_state(run_id)
            found = compare(
                Accounts(
                    company=company,
                    deliveries=taken,
                    ended=[(each.recipient, each.at) for each in taken],
                    opt_outs=crowd.answered,
                    ledger=ledger,
                    ambiguous=ON_BOARD,
                    not_stored=not_stored(crowd.answered),
                    faults_of_chains=faults_of_chains(),
                    fired_twice=fired_twice(),
                )
            )
    meanwhile = sum(began < each.at < woke for each in taken)
    told_so = {one.email: one.answered_at for one in crowd.answered if not one.final}
    # The residual case: who objects to a mail that lies on a frozen worker's connection is told that it may come.
    came = [each for each in taken if each.recipient in told_so and each.at > told_so[each.recipient]]
    tell(f"frozen for {FROZEN:.0f} s, {meanwhile} mails by others meanwhile, {lost} leases lost")
    tell(f"  {dict(found.states)}; {len(crowd.answered)} objected")
    tell(f"  {len(told_so)} of them got a 202, and {len(came)} of these a mail after it")
    assert crowd.fault is None
    assert found.sentences == []
    assert len(came) <= ON_BOARD
    assert done == "done"
    assert meanwhile > 0
