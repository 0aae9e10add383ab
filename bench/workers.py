"""Worker processes for a measurement: woken through the queue as in production, or driven directly."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy import text

from core.db import transaction

WORKERS = 2
STARTS_WITHIN = 60.0
# Asking costs as much as five mails, looking through the ledger thirty: neither is done often while much is left.
ASKS_EVERY = 0.1
ASKS_AFTER = 2.0
# For runs in which not every mail is accepted.
LOOKS_AFTER = 15.0

_DIRECT = """
import sys
from core.garbage import spare_imports
from delivery.worker import Worker
spare_imports()
worker = Worker()
print("ready", flush=True)
sys.stdin.readline()
while worker.run(seconds=600):
    pass
# The other one may still be at its last batch: who ends before everything is settled is taken for one that failed.
sys.stdin.readline()
"""

_CELERY = "-Q send,work --concurrency 1 --pool prefork --loglevel INFO"

_ANSWERED = """
    SELECT (SELECT coalesce(sum(accepted), 0) FROM tally WHERE run_id = :run)::float8
         / (SELECT sum(planned) FROM run_share WHERE run_id = :run)
"""

_SETTLED = """
    SELECT NOT EXISTS (SELECT 1 FROM message WHERE run_id = :run AND state IN ('ready'))
      AND NOT EXISTS (SELECT 1 FROM message WHERE state IN ('claimed', 'handing_over'))
"""


@dataclass(frozen=True)
class Worker:
    """A running process and where it writes what it has to say."""

    process: subprocess.Popen[bytes]
    output: Path

    def wait_for(self, word: str) -> None:
        """Until it says this; raises RuntimeError when it ends or takes a minute."""
        until = monotonic() + STARTS_WITHIN
        while word not in self.output.read_text():
            self.require_alive()
            if monotonic() > until:
                raise RuntimeError(f"a worker did not start: {self.output.read_text()[-2000:]}")
            sleep(0.05)

    def require_alive(self) -> None:
        """Raises RuntimeError with its last words when it ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"a worker ended: {self.output.read_text()[-2000:]}")


@dataclass(frozen=True)
class Crew:
    """All workers of a measurement."""

    workers: list[Worker]
    through_queue: bool

    def go(self) -> None:
        """Let those begin that are driven directly; the others hear it through the queue."""
        for worker in [] if self.through_queue else self.workers:
            assert worker.process.stdin is not None
            worker.process.stdin.write(b"go\n")
            worker.process.stdin.flush()

    def wait_until_settled(self, run_id: int) -> None:
        """Until nothing of a run is left to send or to settle."""
        begun = looked = monotonic()
        while True:
            answered, now = _share(run_id), monotonic()
            if answered >= 1 or now - looked > LOOKS_AFTER:
                if _is_settled(run_id):
                    return
                looked = now
            for worker in self.workers:
                worker.require_alive()
            left = (now - begun) * (1 - answered) / answered if answered else 0
            sleep(max(ASKS_EVERY, min(ASKS_AFTER, left / 4)))


@contextmanager
def workers(*, through_queue: bool, url: str, many: int = WORKERS) -> Iterator[Crew]:
    """Workers, ready and idle, that hand over to the server at this URL."""
    with ExitStack() as running:
        environment = os.environ | {"CRUSOE_SMTP_URL": url}
        started = [running.enter_context(_worker(_command(n, through_queue), environment)) for n in range(many)]
        for worker in started:
            worker.wait_for("ready")
        yield Crew(started, through_queue)


def _command(number: int, through_queue: bool) -> list[str]:
    if through_queue:
        celery = [sys.executable, "-m", "celery", "-q", "-A", "app.worker", "worker"]
        return [*celery, *_CELERY.split(), "-n", f"bench{number}"]
    return [sys.executable, "-c", _DIRECT]


@contextmanager
def _worker(command: list[str], environment: dict[str, str]) -> Iterator[Worker]:
    with tempfile.NamedTemporaryFile(prefix="crusoe-worker-") as output:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=output, stderr=output)
        try:
            yield Worker(process, Path(output.name))
        finally:
            process.terminate()
            process.wait(timeout=60)


def _share(run_id: int) -> float:
    """How much of a run was answered, from 0 to 1."""
    with transaction() as session:
        return float(session.scalar(text(_ANSWERED), {"run": run_id}) or 0)


def _is_settled(run_id: int) -> bool:
    with transaction() as session:
        return bool(session.scalar(text(_SETTLED), {"run": run_id}))
