"""The supervisor: starts everything in order, watches it, stops it in the opposite order."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from io import TextIOWrapper
from threading import Event
from time import monotonic
from types import FrameType

from app.supervisor import guard, programs, state
from app.supervisor.child import Child
from app.supervisor.home import require_private
from app.supervisor.log import MergedLog
from app.supervisor.ports import require_free
from app.supervisor.programs import Program
from core import clock, keys
from core.errors import CrusoeError, NotAllowed, NotReachable
from core.sentences import say
from core.settings import Mode, Settings

GLANCE = 0.1
SECONDS_TO_START = 120.0
SECONDS_TO_STOP = 30.0
TRIES_AT_START = 3
NEEDED_BYTES = 300_000_000


class Supervisor:
    """Runs one home until it is told to stop. It must live in the main thread, which also receives the signals."""

    def __init__(self, settings: Settings, *, lock: TextIOWrapper, echo: bool = False) -> None:
        self.settings = settings
        self.lock = lock
        self.log = MergedLog(settings.home / "log" / "crusoe.log", echo=echo)
        self.children: list[Child] = []
        self.stopping = Event()
        self.started_at: datetime = clock.now()
        self._guard: subprocess.Popen[bytes] | None = None

    def run(self, *, when_up: Callable[[], None] = lambda: None) -> None:
        """Start, watch, stop. Raises when something needed does not start; then nothing is left running."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        self._write("starting")
        try:
            self._start()
            if not self.stopping.is_set():
                self._write("up")
                when_up()
            self._watch()
        except CrusoeError as error:
            self._stop()
            self._write("failed", error={"code": error.code, "message": error.message, "remedy": error.remedy})
            raise
        self._stop()
        self._write("stopped")

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping.set()

    def _start(self) -> None:
        """1 what cannot work is said before anything runs, 2 servers, 3 the newest tables, 4 our own processes."""
        check(self.settings)
        self._start_guard()
        if not self.settings.external_database_url:
            programs.embedded_postgres(self.settings).initialise()
        self._bring_up(programs.servers(self.settings))
        self._migrate()
        self._bring_up(programs.applications(self.settings))

    def _bring_up(self, wanted: Sequence[Program]) -> None:
        children = [Child(program, log=self.log) for program in wanted]
        until = monotonic() + SECONDS_TO_START
        for child in children:
            self.children.append(child)
            child.start()
            # At once, so that the guard knows of it.
            self._write("starting")
        while not self.stopping.wait(GLANCE / 2) and any(child.state != "running" for child in children):
            if _tended(children):
                self._write("starting")
            for child in children:
                if child.restarts >= TRIES_AT_START or monotonic() > until:
                    self._give_up(child)

    def _give_up(self, child: Child) -> None:
        name = child.program.name
        last = (list(self.log.last_words.get(name, ())) or ["It said nothing."])[-1]
        raise NotReachable(
            f"{name}_not_started",
            say("%(name)s does not start: %(problem)s.", name=name, problem=last.rstrip(".")),
            say("Read %(path)s.", path=self.log.path),
        )

    def _migrate(self) -> None:
        if self.stopping.is_set():
            return
        if not self.settings.external_database_url:
            programs.embedded_postgres(self.settings).create_database()
        done = programs.migrate(self.settings)
        for line in done.stderr.splitlines():
            self.log.note("migrate", line)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["It said nothing."])[-1]
            raise NotReachable(
                "not_migrated",
                say("The database could not be prepared: %(problem)s.", problem=last.rstrip(".")),
                say("Read %(path)s.", path=self.log.path),
            )

    def _watch(self) -> None:
        while not self.stopping.wait(GLANCE):
            if self._guard is not None and self._guard.poll() is not None:
                self._start_guard()
            if _tended(self.children):
                self._write("up")

    def _stop(self) -> None:
        """Our own processes first: they settle what they are at, and need the servers for it."""
        self._write("stopping")
        embedded = {"postgres", "valkey"}
        for group in (
            [child for child in self.children if child.program.name not in embedded],
            [child for child in self.children if child.program.name in embedded],
        ):
            self._end(group)
        self._write("stopping")
        self._end_guard()

    def _end(self, group: Sequence[Child]) -> None:
        for child in group:
            child.ask_to_stop()
        until = monotonic() + SECONDS_TO_STOP
        pause = Event()
        while sum(child.is_gone() for child in group) < len(group) and monotonic() < until:
            pause.wait(GLANCE / 2)
        for child in group:
            if child.state != "stopped":
                self.log.note("crusoe", f"{child.program.name} did not end in {SECONDS_TO_STOP:.0f} s and is killed")
                child.kill()

    def _start_guard(self) -> None:
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, str(self.settings.home / state.FILE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Out of reach of the terminal's Ctrl-C and of a kill of the supervisor's group.
            start_new_session=True,
            pass_fds=(self.lock.fileno(),),
        )

    def _end_guard(self) -> None:
        if self._guard is not None:
            self._guard.kill()
            self._guard.wait()

    def _write(self, stage: str, *, error: dict[str, str] | None = None) -> None:
        with suppress(OSError):
            # A full disk must not end the supervisor, only what it can say about itself.
            state.write(
                self.settings.home,
                state.State(
                    stage=stage,
                    pid=os.getpid(),
                    address=self.settings.public_url,
                    started_at=self.started_at.isoformat(timespec="seconds"),
                    processes=tuple(child.written() for child in self.children),
                    error=error or {},
                ),
            )


def _tended(children: Sequence[Child]) -> bool:
    """Look after each of them; answers whether anything changed."""
    return sum(child.tend() for child in children) > 0


def check(settings: Settings) -> None:
    """Refuse, in one sentence each, what would fail later in twenty lines."""
    if settings.mode is Mode.PRODUCTION and not settings.base_url:
        raise NotAllowed(
            "base_url_missing",
            say("In production mode the address that stands in mails must be named."),
            say("Set CRUSOE_BASE_URL, for example to https://news.your-company.example."),
        )
    keys.keys()
    require_private(settings.socket_folder)
    free = shutil.disk_usage(settings.home).free
    if free < NEEDED_BYTES:
        raise NotReachable(
            "disk_full",
            say("Only %(free)s MB are free where %(home)s lies.", free=free // 1_000_000, home=settings.home),
            say(
                "Make room for at least %(needed)s MB, or set CRUSOE_HOME to a folder elsewhere.",
                needed=NEEDED_BYTES // 1_000_000,
            ),
        )
    require_free(host=settings.host, port=settings.port, variable="CRUSOE_PORT")
    if not settings.smtp_url:
        require_free(host="127.0.0.1", port=settings.inbox_smtp_port, variable="CRUSOE_INBOX_PORT")
