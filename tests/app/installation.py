"""An installation of its own for a test: a home, free ports, and the commands as a person would type them."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

CHECKOUT = Path(__file__).parent.parent.parent
LONGEST_WAIT = 120


@dataclass
class Installation:
    home: Path
    port: int
    inbox_port: int

    def crusoe(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one command of this installation."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("CRUSOE_", "DATABASE_", "REDIS_"))}
        own = {
            "CRUSOE_HOME": str(self.home),
            "CRUSOE_PORT": str(self.port),
            "CRUSOE_INBOX_PORT": str(self.inbox_port),
            "CRUSOE_WORKERS": "1",
            "PYTHONPATH": str(CHECKOUT),
        }
        return subprocess.run(
            [sys.executable, "-P", "-m", "app", *arguments],
            env=inherited | own | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def up(self, **environment: str) -> dict[str, Any]:
        done = self.crusoe("up", "--detach", "--json", **environment)
        assert done.returncode == 0, done.stdout + done.stderr + self.log()
        return json.loads(done.stdout)

    def status(self) -> dict[str, Any]:
        done = self.crusoe("status", "--json")
        assert done.returncode == 0, done.stdout
        return json.loads(done.stdout)

    def state(self) -> dict[str, Any]:
        """What the state file says, without the second that a command takes to start."""
        return json.loads((self.home / "supervisor.json").read_text())

    def process(self, name: str) -> dict[str, Any]:
        return next(process for process in self.state()["processes"] if process["name"] == name)

    def log(self) -> str:
        file = self.home / "log" / "crusoe.log"
        return file.read_text() if file.exists() else ""

    def left_over(self) -> list[str]:
        """Command lines of processes that belong to this home, except the zombies that nobody counts."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue
            if command and (str(self.home) in command or f"CRUSOE_HOME={self.home}".encode() in environment):
                found.append(command)
        return found

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if (self.home / "supervisor.json").exists():
            pid = self.state()["pid"]
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            wait_until(lambda: not self.left_over())


def wait_until(holds: Callable[[], object], *, seconds: float = LONGEST_WAIT) -> None:
    until = monotonic() + seconds
    while not holds():
        assert monotonic() < until, "waited in vain"
        sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
