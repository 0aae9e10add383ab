"""What an installation consists of: the programs, in the order in which they start."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import app
from app.supervisor import readiness
from core.embedded import postgres
from core.embedded.postgres import PostgresServer
from core.embedded.valkey import ValkeyServer
from core.settings import Settings
from core.tasks import QUEUES

# Threads wait most of the time, for the database or for mail on its way; processes use the cores.
WEB_THREADS = 64
WEB_PROCESSES = min(2, os.cpu_count() or 1)

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True)
class Program:
    """One program: how it is run, when it counts as ready, and which signal asks it to end in order."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    is_ready: Callable[[], bool]
    stop_signal: signal.Signals = signal.SIGTERM
    unprivileged: bool = False
    # Touched by the program when it is ready; a former run's must not count.
    ready_file: Path | None = None


def servers(settings: Settings) -> list[Program]:
    """The embedded PostgreSQL and Valkey, each unless the operator brings one."""
    found = []
    if not settings.external_database_url:
        database = embedded_postgres(settings)
        found.append(
            Program(
                name="postgres",
                command=tuple(database.command()),
                environment=postgres.environment(),
                is_ready=database.answers,
                stop_signal=postgres.FAST_SHUTDOWN,
                unprivileged=True,
            )
        )
    if not settings.external_redis_url:
        broker = ValkeyServer(data=settings.home / "valkey", socket=settings.socket_folder / "valkey.sock")
        found.append(
            Program(
                name="valkey", command=tuple(broker.command()), environment=dict(os.environ), is_ready=broker.answers
            )
        )
    return found


def applications(settings: Settings) -> list[Program]:
    """Our own processes. The inbox takes mail only where no other transport is set."""
    inbox = [] if settings.smtp_url else [_python(settings, "inbox", "app.inbox", is_ready=_inbox_answers(settings))]
    workers = [_worker(settings, number) for number in range(1, settings.workers + 1)]
    returns = [_python(settings, "returns", "app.returns.receiver")] if settings.returns_listen else []
    return [*inbox, *returns, _web(settings), *workers, _python(settings, "scheduler", "app.scheduler")]


def migrate(settings: Settings) -> subprocess.CompletedProcess[str]:
    """Bring the database to its newest form, in a process that gives its memory back."""
    program = _python(settings, "migrate", "app.migrations")
    return subprocess.run(
        program.command,
        env=dict(program.environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def embedded_postgres(settings: Settings) -> PostgresServer:
    """The database server of a home."""
    # The merged log writes the time itself.
    options = (("log_line_prefix", "[%p] "), ("log_checkpoints", "off"))
    return PostgresServer(data=settings.home / "postgres", sockets=settings.socket_folder, options=options)


def _web(settings: Settings) -> Program:
    return _python(
        settings,
        "web",
        "granian",
        *("app.wsgi:application", "--interface", "wsgi", "--host", settings.host, "--port", str(settings.port)),
        *("--workers", str(WEB_PROCESSES), "--blocking-threads", str(WEB_THREADS), "--http", "1", "--no-ws"),
        *("--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "10"),
        *("--log-level", "error"),
        is_ready=_web_answers(settings),
    )


def _worker(settings: Settings, number: int) -> Program:
    # One process each, so that one can be restarted, or killed, without the others.
    return _python(
        settings,
        f"worker-{number}",
        "celery",
        *("-q", "-A", "app.worker", "worker", "-Q", ",".join(QUEUES), "--concurrency", "1", "--pool", "prefork"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("--loglevel", "WARNING", "-n", f"worker-{number}@%h", "--include", readiness.__name__),
    )


def _python(
    settings: Settings, name: str, module: str, *arguments: str, is_ready: Callable[[], bool] | None = None
) -> Program:
    """One of our own processes. Who cannot be asked over the network touches its file (see readiness)."""
    ready_file = settings.home / "ready" / name
    code = str(Path(app.__file__).parent.parent)
    path = os.pathsep.join(part for part in (code, os.environ.get("PYTHONPATH", "")) if part)
    return Program(
        name=name,
        # -P: a file that lies about in the current folder must not be taken for a module.
        command=(sys.executable, "-P", "-m", module, *arguments),
        environment={
            **os.environ,
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
            "CRUSOE_HOME": str(settings.home),
            readiness.VARIABLE: str(ready_file),
        },
        is_ready=is_ready or ready_file.exists,
        ready_file=ready_file,
    )


def _web_answers(settings: Settings) -> Callable[[], bool]:
    def asked() -> bool:
        connection = http.client.HTTPConnection(ANYWHERE.get(settings.host, settings.host), settings.port, timeout=2)
        try:
            connection.request("HEAD", "/healthz")
            # Any answer will do: a page that fails is a fault to show, not a reason to restart.
            return bool(connection.getresponse().status)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return asked


def _inbox_answers(settings: Settings) -> Callable[[], bool]:
    def asked() -> bool:
        try:
            socket.create_connection(("127.0.0.1", settings.inbox_smtp_port), timeout=2).close()
        except OSError:
            return False
        return True

    return asked
