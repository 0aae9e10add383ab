"""Disks that are full and memory that is not there: nothing is promised that is not stored, and all goes on later."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from core import db
from tests.delivery.sending import campaign, numbers, rows, worker
from tests.delivery.test_tidy import expire, tidied
from tests.faults.doors import Objectors
from tests.faults.installation import prepare
from tests.faults.oracle import Accounts, compare, faults_of_chains, not_stored, read_ledger
from tests.faults.sinks import Moods
from tests.faults.stage import environment, get_ready, launch, wait_until_over
from tests.smtp_sink import Sink

pytestmark = [pytest.mark.fault, pytest.mark.timeout(400)]

PEOPLE = 400
MAY_MOUNT = sys.platform == "linux" and os.geteuid() == 0


@contextmanager
def disk(path: Path, size: str) -> Iterator[Path]:
    """A disk of its own at this place, in memory."""
    path.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(path)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def fill(path: Path) -> None:
    """Take all the room that is left."""
    with suppress(OSError), (path / "everything").open("wb") as file:
        while True:
            file.write(b"\0" * 65_536)
            file.flush()


def give_room(path: Path) -> None:
    (path / "everything").unlink()


@pytest.mark.skipif(not MAY_MOUNT, reason="only root may mount a small disk")
def test_full_disks_break_no_promise_and_work_goes_on_when_there_is_room() -> None:
    moods = Moods(random=Random(5), pause=1.6)
    with (
        tempfile.TemporaryDirectory(prefix="crusoe-disk-", ignore_cleanup_errors=True) as folder,
        Sink(moods, keep_content=False) as sink,
        ExitStack() as stack,
    ):
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        home.mkdir()
        postgres = stack.enter_context(disk(home / "postgres", "400m"))
        small = [stack.enter_context(disk(home / name, "4m")) for name in ("log", "valkey")]
        made = prepare(home, smtp_url=sink.url, CRUSOE_RETRY_AFTER="2")
        with environment(made):
            try:
                made.start()
                company = get_ready(Path(folder) / "company", people=PEOPLE)
                moods.pace = 0.3
                run_id = launch()
                _wait(lambda: len(moods.ended) > 20)
                over = threading.Event()
                crowd = Objectors(made, run_id, Random(6), over, every=(0.05, 0.2))
                pressing = threading.Thread(target=crowd.run)
                pressing.start()
                fill(postgres)
                time.sleep(8)
                give_room(postgres)
                # For these two nobody makes room until all is over.
                for each in small:
                    fill(each)
                time.sleep(8)
                moods.pace = 0
                over.set()
                pressing.join(60)
                wait_until_over(run_id, seconds=150)
                found = compare(
                    Accounts(
                        company=company,
                        deliveries=sink.deliveries,
                        ended=moods.ended,
                        opt_outs=crowd.answered,
                        ledger=read_ledger(run_id),
                        ambiguous=moods.ambiguous + 8,
                        early=moods.early,
                        not_stored=not_stored(crowd.answered),
                        faults_of_chains=faults_of_chains(),
                    )
                )
            finally:
                db.forget_engine()
                made.stop()
    assert found.sentences == []
    assert crowd.fault is None
    assert crowd.answered


def _wait(until: object, *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:  # type: ignore[operator]
        time.sleep(0.05)


# What a worker process does, with so much memory beyond what it has when it begins that some things just fail.
SCARCE = """
import resource, sys
from pathlib import Path
from delivery.worker import Worker
worker = Worker()
pages = int(Path("/proc/self/statm").read_text().split()[0])
room = pages * resource.getpagesize() + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (room, room))
for _ in range(20):
    try:
        worker.run()
    except (MemoryError, Exception) as error:
        print(type(error).__name__)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_without_memory_neither_repeat_nor_forget(database, monkeypatch):
    said: list[str] = []
    with Sink() as sink:
        monkeypatch.setenv("CRUSOE_SMTP_URL", f"{sink.url}?connections=2")
        run_id = campaign(120)
        for room in (0, 1_000_000, 4_000_000):
            done = subprocess.run(
                [sys.executable, "-c", SCARCE, str(room)],
                env=dict(os.environ),
                capture_output=True,
                text=True,
                check=False,
                timeout=90,
            )
            said += [f"ended with {done.returncode}"] * (done.returncode != 0) + done.stdout.split()
            expire()
            while tidied().more:
                pass
        hands = worker()
        for _ in range(3):
            rows("UPDATE message SET not_before = now() WHERE state = 'ready' RETURNING 1")
            hands.run()
        taken = Counter(each.recipient for each in sink.taken)
        found = numbers(run_id)
    assert said, "there was always enough memory: nothing was shown"
    assert max(taken.values()) == 1
    assert found["sent"] + found.get("unknown", 0) == 120
    assert found["sent"] <= len(taken) <= 120
