"""Somebody else who gets in between: a second session that holds a lock until the code under test waits for it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.db import transaction

Answer = TypeVar("Answer")

LONGEST_WAIT = 20.0

_WAITING = """
    SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
    WHERE a.datname = current_database() AND NOT l.granted
"""


def overtaken(verb: Callable[[], Answer], *, by: Callable[[Session], object]) -> Answer:
    """What `verb` answers when it began while `by` was done, not yet committed, and had to wait for its end.

    Fails when `verb` ends without having waited: then the two never met.
    """
    with ThreadPoolExecutor(max_workers=1) as other:
        with transaction() as session:
            by(session)
            session.flush()
            running = other.submit(verb)
            until = monotonic() + LONGEST_WAIT
            while not _somebody_waits():
                assert not running.done(), "it did not wait for the other session"
                assert monotonic() < until, "waited in vain"
                sleep(0.005)
        return running.result(timeout=LONGEST_WAIT)


def _somebody_waits() -> bool:
    with transaction() as session:
        return bool(session.scalar(text(_WAITING)))
