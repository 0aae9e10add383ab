"""Rings for every job at its interval. Any number of these may run: one leads, the others wait.

APScheduler holds jobs that the code defines, in memory, and starts paused. Every second the lease is asked for: who
holds it resumes, who loses it pauses. A firing is stored under (job, slot) before anything is rung, so even two that
both believe that they lead ring once. What was missed while nobody led is not made up for: jobs ask the database what
is due.
"""

import logging
import os
import signal
import socket
from secrets import token_hex
from threading import Event
from types import FrameType

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

import app.worker  # noqa: F401 - imported for the jobs
from app.supervisor.readiness import say_ready
from core import lease
from core.db import transaction
from core.errors import NotReachable
from core.tasks import JOBS, press

log = structlog.get_logger()

NAME = "scheduler"
LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.0
# Workers look by themselves too; a doorbell more often than this would only cost.
SHORTEST_INTERVAL = 1.0
HOUR = 3600.0


class Scheduler:
    """One scheduler process."""

    def __init__(self, *, holder: str | None = None) -> None:
        self.holder = holder or f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
        self.leads = False
        # One thread: a firing is an INSERT and a push, and the order of the log stays readable.
        self.clockwork = BackgroundScheduler(executors={"default": ThreadPoolExecutor(1)}, timezone="UTC")
        for job in JOBS.values():
            self._add(job.name, every=max(job.every, SHORTEST_INTERVAL))
        self.clockwork.add_job(self.tidy, "interval", seconds=HOUR, coalesce=True, max_instances=1)

    def start(self) -> None:
        """Start paused; `renew` decides about the rest."""
        self.clockwork.start(paused=True)

    def renew(self) -> None:
        """Ask for the lease and lead, or stop leading. Without a database nobody leads."""
        try:
            with transaction() as session:
                leads = lease.hold(session, name=NAME, holder=self.holder, seconds=LEASE_SECONDS)
        except NotReachable as error:
            log.warning("database_away", error=str(error))
            leads = False
        if leads != self.leads:
            log.warning("leads" if leads else "waits", holder=self.holder)
            (self.clockwork.resume if leads else self.clockwork.pause)()
        self.leads = leads

    def fire(self, job: str, *, every: float) -> bool:
        """Ring for one job unless its slot was fired already; answers whether it rang."""
        try:
            with transaction() as session:
                fired = lease.fire(session, name=NAME, holder=self.holder, job=job, every=every)
        except NotReachable as error:
            log.warning("database_away", error=str(error))
            return False
        if fired:
            press(job)
        return fired

    def tidy(self) -> None:
        """Remove the slots of yesterday."""
        with transaction() as session:
            lease.forget_firings(session)

    def stop(self) -> None:
        """Stop firing and let the next one lead at once."""
        self.clockwork.shutdown()
        if self.leads:
            with transaction() as session:
                lease.give_up(session, name=NAME, holder=self.holder)

    def _add(self, job: str, *, every: float) -> None:
        self.clockwork.add_job(
            self.fire,
            "interval",
            args=(job,),
            kwargs={"every": every},
            seconds=every,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )


def main() -> None:
    """Run until told to stop."""
    stopping = Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    # On a busy machine it says of every slot that comes too soon that it is left out; that is how it is meant.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    scheduler = Scheduler()
    scheduler.start()
    say_ready()
    while True:
        scheduler.renew()
        if stopping.wait(RENEW_SECONDS):
            break
    try:
        scheduler.stop()
    except NotReachable as error:
        log.warning("database_away", error=str(error))


if __name__ == "__main__":
    main()
