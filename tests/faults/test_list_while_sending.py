"""F18: a large do-not-contact list comes into force while mail is sent: nobody on it passes the gate afterwards."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from app.demo.commands import run
from core.db import transaction
from suppression.lists.at_ecg_file import address_digests
from tests.faults.company import EDITOR
from tests.faults.mix import get_ready, installed, launch, run_state, wait_until_over
from tests.faults.oracle import read_ledger
from tests.faults.seed import SEED
from tests.smtp_sink import Sink, on, say

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

ROWS = int(os.environ.get("FAULT_LIST_ROWS", "200000"))
PEOPLE = int(os.environ.get("FAULT_PEOPLE", "3000"))


class Watch(threading.Thread):
    """Looks all the time whether the second version is in force; `first_seen` is just after its commit."""

    first_seen: float | None = None

    def run(self) -> None:
        while self.first_seen is None:
            with transaction() as session:
                if session.scalar(
                    text("SELECT count(*) FROM list_version WHERE state = 'active' AND replaces IS NOT NULL")
                ):
                    self.first_seen = time.time()
            time.sleep(0.01)


def write_list(path: Path, dice: Random, *, rows: int, emails: list[str]) -> Path:
    digests = [dice.randbytes(20) for _ in range(rows)] + [each for email in emails for each in address_digests(email)]
    dice.shuffle(digests)
    path.write_bytes(b"".join(digests))
    return path


def test_nobody_on_a_new_list_passes_once_it_is_in_force(tell: Callable[[str], None]) -> None:
    dice = Random(SEED)
    with (
        tempfile.TemporaryDirectory(prefix="crusoe-fault-", ignore_cleanup_errors=True) as name,
        Sink(on("DOT", say(250, after=0.1)), keep_content=False) as sink,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        with installed(folder, sink) as installation:
            first = write_list(folder / "first.bin", dice, rows=1000, emails=[])
            # Before anything is planned: while the list is missing everybody in Austria is held.
            run("user", "add", EDITOR, "--role", "compliance", "--password", "a long password")
            run("lists", "import", "at.ecg.file", str(first))
            company = get_ready(folder / "company", people=PEOPLE, country="AT", editor=False)
            listed = set(dice.sample(sorted(company.cleared), len(company.cleared) // 3))
            second = write_list(folder / "second.bin", dice, rows=ROWS, emails=sorted(listed))
            run_id = launch()
            while len(sink.taken) < PEOPLE // 10:
                time.sleep(0.05)
            watch = Watch()
            watch.start()
            begun = time.time()
            words = ("lists", "import", "at.ecg.file", str(second), "--as", EDITOR, "--reason", "the new one")
            done = subprocess.run(
                [sys.executable, "-m", "app", *words], env=installation.environment, capture_output=True, check=False
            )
            ended = time.time()
            assert done.returncode == 0, done.stdout + done.stderr
            watch.join(5)
            still_sending = run_state(run_id) != "done"
            wait_until_over(run_id, seconds=240)
            ledger = read_ledger(run_id)
    in_force = watch.first_seen
    assert in_force is not None
    passed = [float(row.passed) - in_force for row in ledger if row.email in listed and row.state == "sent"]
    late = [each.at - in_force for each in sink.taken if each.recipient in listed and each.at > in_force]
    during = sorted([begun, *(each.at for each in sink.taken if begun < each.at < ended), ended])
    before = [each.at for each in sink.taken if each.at <= begun]
    rate_before = (len(before) - 1) / (begun - min(before))
    rate_during = (len(during) - 2) / (ended - begun)
    pause = max(later - earlier for earlier, later in pairwise(during))
    told = (
        f"{ROWS} rows in {ended - begun:.1f} s",
        f"{len(during) - 2} mails meanwhile, longest pause {pause:.2f} s",
        f"{rate_before:.0f} mails a second before, {rate_during:.0f} meanwhile: {rate_during / rate_before:.2f} times",
        f"{len(passed)} of {len(listed)} listed got it before",
        f"{len(late)} that had passed the gate came up to {max(late, default=0):.2f} s after it was in force",
        f"the last passed {-max(passed, default=0):.3f} s before",
    )
    tell("\n".join(told))
    assert len(passed) < len(listed), "nobody was left whom the list could have kept mail from"
    assert [gap for gap in passed if gap > 0] == []
    assert still_sending
    assert len(during) > 2
    held = {row.email for row in ledger if row.state == "held"}
    assert held <= listed
    assert len(held) + len(passed) == len(listed)
