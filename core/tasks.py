"""Background work. The database says what is to be done; Celery only rings.

A job is a verb without arguments that looks into the database, does what is due and answers whether more is waiting. So
a doorbell that is lost, doubled or late changes nothing but the latency, and with the broker gone the polling thread of
every worker process still does the work (`every` seconds apart).
"""

import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import text
from sqlalchemy.orm import Session

from core import found_work
from core.db import after_commit, transaction
from core.errors import NotReachable
from core.settings import settings

log = structlog.get_logger()

QUEUES = ("send", "work")


@dataclass(frozen=True)
class Job:
    """One kind of background work: `every` in seconds is how often it is looked for without a doorbell."""

    name: str
    verb: Callable[[], bool]
    queue: str
    every: float
    alone: bool
    running: threading.Lock = field(default_factory=threading.Lock)

    def run(self, *, polled: bool = False) -> bool:
        """Do what is due unless this process is at it already. Answers whether more is waiting."""
        if not self.running.acquire(blocking=False):
            return False
        try:
            found_work.begin()
            again = self._alone() if self.alone else self.verb()
            found_work.end(self.name, polled=polled)
            return again
        finally:
            self.running.release()

    def _alone(self) -> bool:
        """Hold a lock over all processes while the verb works in transactions of its own."""
        with transaction() as session:
            got = session.scalar(text("SELECT pg_try_advisory_xact_lock(hashtext(:n))"), {"n": f"job:{self.name}"})
            return self.verb() if got else False


JOBS: dict[str, Job] = {}

# Set when a worker is asked to stop; the processes that it forked share it, so that long jobs end between two steps.
stopping = multiprocessing.Event()

celery = Celery("crusoe")


def configure() -> Celery:
    """Point Celery at the broker of this process's settings; see docs/architecture.md on why it may lose anything."""
    celery.conf.update(
        broker_url=settings().broker_url,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_default_queue="work",
        task_routes={job.name: {"queue": job.queue} for job in JOBS.values()},
        # Early acknowledgement: a lost doorbell is harmless, a repeated one only wakes somebody for nothing.
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_publish_retry=False,
        broker_transport_options={
            "visibility_timeout": 300,
            "unacked_restore_interval": 5,
            "socket_connect_timeout": 2,
            "socket_timeout": 30,
            # A request that rings must not wait for a broker that is away.
            "max_retries": 0,
        },
    )
    return celery


def job(name: str, *, every: float, queue: str = "work", alone: bool = False) -> Callable[[Callable[[], bool]], Job]:
    """Register a verb as background work. `alone`: at most one process in the installation does it at a time."""

    def register(verb: Callable[[], bool]) -> Job:
        entry = JOBS[name] = Job(name=name, verb=verb, queue=queue, every=every, alone=alone)

        @celery.task(name=name)
        def answer_doorbell() -> None:
            if entry.run():
                press(name)

        return entry

    return register


def ring(session: Session, name: str, *, times: int = 1) -> None:
    """Ring for a job once the transaction is stored."""
    after_commit(session, lambda: press(name, times=times))


def press(name: str, *, times: int = 1) -> None:
    """Ring now. A broker that does not answer is noted and forgotten: the polling threads find the work."""
    configure()
    try:
        for _ in range(times):
            celery.send_task(name, queue=JOBS[name].queue if name in JOBS else "work")
    except (OperationalError, OSError) as error:
        log.warning("doorbell_lost", job=name, error=str(error))


class Poller(threading.Thread):
    """Looks for every job at its interval, in each worker process, broker or no broker."""

    def __init__(self, *, queues: tuple[str, ...] = QUEUES) -> None:
        super().__init__(name="poller", daemon=True)
        self.queues = queues

    def run(self) -> None:
        """Work until the process ends; a database that is away is waited for."""
        due = {name: monotonic() + entry.every for name, entry in JOBS.items() if entry.queue in self.queues}
        while not stopping.wait(0.5):
            for name in [name for name, moment in due.items() if moment <= monotonic() and not stopping.is_set()]:
                again = self._look(JOBS[name])
                due[name] = monotonic() + (0 if again else JOBS[name].every)

    def _look(self, entry: Job) -> bool:
        try:
            return entry.run(polled=True)
        except NotReachable as error:
            log.warning("database_away", job=entry.name, error=str(error))
        except Exception:
            # A bug in one job must not end the thread that all others rely on; it is logged with its trace.
            log.exception("job_failed", job=entry.name)
        return False
