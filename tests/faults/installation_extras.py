"""Further processes of the same home, started beside those of the supervisor: each meets a trouble of its own."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.installation import Installation

# Beside Debian's package `libfaketime`, which moves the clock of one process.
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


@dataclass
class Extra:
    """One process that the harness looks after itself. It leads a group, as those of the supervisor do."""

    installation: Installation
    name: str
    words: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        self.stop()
        with (self.installation.home / "log" / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", *self.words],
                env=self.installation.environment
                | {"PYTHONPATH": str(Path.cwd()), "PYTHONUNBUFFERED": "1"}
                | self.environment
                | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    @property
    def pid(self) -> int | None:
        alive = self.process is not None and self.process.poll() is None
        return self.process.pid if alive and self.process else None

    def stop(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def worker(installation: Installation, name: str, *, options: tuple[str, ...] = (), **environment: str) -> Extra:
    """One more worker, as the supervisor would start it."""
    words = ("celery", "-q", "-A", "app.worker", "worker", "-Q", "send,work", "--concurrency", "1", "--pool", "prefork")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING", "-n", f"{name}@%h")
    return Extra(installation, name, (*words, *quiet, *options), environment)


def scheduler(installation: Installation, name: str) -> Extra:
    """One more scheduler."""
    return Extra(installation, name, ("app.scheduler",))


def shifted(seconds: int) -> dict[str, str]:
    """The environment of a process whose clock is wrong by so many seconds; what measures spans is left right."""
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME": f"{seconds:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
    }
