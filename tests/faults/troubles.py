"""What goes wrong while mail is sent: each trouble does one thing again and again, at random moments."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import redis
from sqlalchemy import text

from campaigns import conductor
from campaigns.service import lock
from core import users
from core.db import transaction
from core.errors import CrusoeError
from tests.faults.installation import Installation, kill
from tests.faults.installation_extras import Extra
from tests.faults.proxy import Proxy


@dataclass
class Trouble:
    """`every`: seconds between two rounds, from and to. `most`: after so many it is over; None: when all is."""

    name: str
    every: tuple[float, float]
    most: int | None
    random: Random
    stopping: threading.Event
    done: int = 0
    moments: list[float] = field(default_factory=list)
    # Seconds until what was killed was up again.
    back: list[float] = field(default_factory=list)
    fault: BaseException | None = None
    kills_workers: bool = False

    def run(self) -> None:
        try:
            while (self.most is None or self.done < self.most) and not self._pause():
                self.once()
        except BaseException as error:
            self.fault = error
            raise
        finally:
            self.mend()

    def _pause(self) -> bool:
        return self.stopping.wait(self.random.uniform(*self.every))

    def once(self) -> None:
        """Make the trouble."""

    def mend(self) -> None:
        """Leave nothing broken behind."""

    def note(self) -> None:
        self.done += 1
        self.moments.append(time.time())


@dataclass
class Killer(Trouble):
    """Kills a part of the installation without a warning, and waits until its supervisor has it up again."""

    installation: Installation | None = None
    last: int | None = None

    def once(self) -> None:
        assert self.installation is not None
        pid = self.installation.wait_for(self.name, other_than=self.last)
        if self.stopping.wait(self.random.uniform(0.0, 2.0)) or not kill(pid):
            return
        self.note()
        begun = time.monotonic()
        self.last = pid
        self.installation.wait_for(self.name, other_than=pid)
        self.back.append(time.monotonic() - begun)


@dataclass
class Stopper(Trouble):
    """Freezes a worker for a while: it neither works nor dies, and goes on as if nothing had been."""

    installation: Installation | None = None
    part: str = ""
    longest: float = 20.0
    stopped: float = 0.0

    def once(self) -> None:
        assert self.installation is not None
        while (pid := self.installation.pid(self.part)) is None:
            # Somebody has just killed it.
            if self.stopping.wait(0.2):
                return
        seconds = self.random.uniform(0.5, self.longest)
        try:
            os.killpg(pid, signal.SIGSTOP)
            self.note()
            self.stopped += seconds
            self.stopping.wait(seconds)
        except ProcessLookupError:
            return
        finally:
            _go_on(pid)


def _go_on(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGCONT)
    except ProcessLookupError:
        return


@dataclass
class Emptier(Trouble):
    """Empties the broker, or leaves the lock of a dead worker in it that keeps everybody from restoring messages."""

    socket: str = ""

    def once(self) -> None:
        try:
            with redis.Redis(unix_socket_path=self.socket, socket_timeout=2) as broker:
                broker.flushall()
                if self.random.random() < 0.5:
                    broker.set("unacked_mutex", "nobody", ex=300)
        except redis.RedisError:
            return
        self.note()


@dataclass
class Cutter(Trouble):
    """Cuts all connections of the worker that reaches the database through the proxy."""

    proxy: Proxy | None = None

    def once(self) -> None:
        assert self.proxy is not None
        if self.proxy.cut():
            self.note()


@dataclass
class Renewer(Trouble):
    """Kills a process of the harness and starts it again, each time with another environment."""

    extra: Extra | None = None
    environment: Callable[[Random], dict[str, str]] = lambda _random: {}

    def once(self) -> None:
        assert self.extra is not None
        self.extra.start(**self.environment(self.random))
        self.note()

    def mend(self) -> None:
        assert self.extra is not None
        self.extra.stop()


@dataclass
class Pauser(Trouble):
    """Somebody pauses the campaign, thinks about it and lets it go on."""

    run_id: int = 0
    longest: float = 3.0
    pauses: list[tuple[float, float]] = field(default_factory=list)

    def once(self) -> None:
        if self._move("pause"):
            self.note()
            self.stopping.wait(self.random.uniform(0.2, self.longest))
            self.mend()
            self.pauses.append((self.moments[-1], time.time()))

    def mend(self) -> None:
        for _ in range(120):
            # A database that is away says nothing about the campaign: it may well stand still.
            if self._state() not in {"paused", "unreachable", None}:
                return
            self._move("resume")
            time.sleep(0.5)

    def _move(self, verb: str) -> bool:
        try:
            with transaction() as session:
                campaign = lock(session, "letter")
                if verb == "pause":
                    conductor.pause(session, campaign=campaign, actor=users.operator(), reason="a fault test")
                else:
                    conductor.resume(session, campaign=campaign, actor=users.operator())
        except CrusoeError:
            return False
        return True

    def _state(self) -> str | None:
        try:
            with transaction() as session:
                return session.scalar(text("SELECT state FROM run WHERE id = :run"), {"run": self.run_id})
        except CrusoeError:
            return "unreachable"
