"""A real installation, started by its own supervisor."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep


@dataclass(frozen=True)
class Installation:
    """Where it lives and how its processes are told."""

    home: Path
    port: int
    environment: dict[str, str]
    returns_port: int = 0

    def pid(self, name: str) -> int | None:
        """The process id of a running part, from the state file of the supervisor; None while it is down."""
        path = self.home / "supervisor.json"
        try:
            processes = json.loads(path.read_text())["processes"]
        except (OSError, ValueError):
            return None
        return next((each["pid"] for each in processes if each["name"] == name and each["state"] == "running"), None)

    def wait_for(self, name: str, *, other_than: int | None = None, seconds: float = 120) -> int:
        """The process id of a part, once it runs (again)."""
        until = monotonic() + seconds
        while monotonic() < until:
            pid = self.pid(name)
            if pid is not None and pid != other_than:
                return pid
            sleep(0.05)
        raise AssertionError(f"{name} did not come up in {seconds:.0f} s; see {self.home}/log/crusoe.log")

    def start(self, *, attempts: int = 3) -> None:
        """Start everything. On a busy machine the supervisor may lose patience; then it is asked again."""
        path = self.home.parent / "start.log"
        for _ in range(attempts):
            with path.open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "app", "up"], env=self.environment, stdout=log, stderr=log
                )
            while process.poll() is None:
                if all(self.pid(name) for name in ("postgres", "valkey", "web", "worker-1", "worker-2")):
                    return
                sleep(0.1)
        raise AssertionError(path.read_text())

    def stop(self) -> None:
        """Stop it, whatever state it is in."""
        subprocess.run(
            [sys.executable, "-m", "app", "stop"], env=self.environment, capture_output=True, timeout=120, check=False
        )


def kill(pid: int) -> bool:
    """Kill a process and everything that it started, without a warning."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    """A port that nobody listens on, and whose neighbour for the inbox is free too."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = int(listener.getsockname()[1])
        if port + 1000 <= 65535:
            return port


def prepare(home: Path, *, smtp_url: str, **settings: str) -> Installation:
    """An installation that is not up yet."""
    port, returns_port = free_port(), free_port()
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CRUSOE_") and name not in {"DATABASE_URL", "REDIS_URL"}
    }
    environment = clean | {
        "CRUSOE_HOME": str(home),
        "CRUSOE_PORT": str(port),
        "CRUSOE_SMTP_URL": smtp_url,
        "CRUSOE_WORKERS": "2",
        "CRUSOE_RETURNS_LISTEN": f"lmtp://127.0.0.1:{returns_port}",
        **settings,
    }
    return Installation(home=home, port=port, environment=environment, returns_port=returns_port)
