"""Work that many threads want at once, done for all of them in one go: one transaction, one wait for the disk.

Who comes alone begins at once; whoever comes meanwhile is served together right after. In a crowd the next ones wait
a moment for each other, because few and many cost nearly the same.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

# How long the next ones wait for company after several were served together, in seconds.
MOMENT = 0.01

Wish = TypeVar("Wish")
Answer = TypeVar("Answer")


@dataclass
class _Caller(Generic[Wish, Answer]):
    wish: Wish
    turn: threading.Event = field(default_factory=threading.Event)
    answer: list[Answer] = field(default_factory=list)
    fault: Exception | None = None


class Together(Generic[Wish, Answer]):
    """`do` gets what several threads wish, in the order in which they came, and answers in the same order.

    Each thread calls this as if it were alone. What `do` raises, all of those get that it was called for.
    """

    def __init__(self, do: Callable[[Sequence[Wish]], Sequence[Answer]]) -> None:
        self._do = do
        self._lock = threading.Lock()
        self._callers: list[_Caller[Wish, Answer]] = []
        self._at_work = False
        self._crowded = False

    def __call__(self, wish: Wish) -> Answer:
        """The answer to this wish."""
        caller: _Caller[Wish, Answer] = _Caller(wish)
        with self._lock:
            self._callers.append(caller)
            first, self._at_work = not self._at_work, True
        if not first:
            caller.turn.wait()
        if not caller.answer and caller.fault is None:
            self._serve()
        if caller.fault is not None:
            raise caller.fault
        return caller.answer[0]

    def _serve(self) -> None:
        """Serve everybody who waits, then hand on to the first of those who came meanwhile."""
        if self._crowded:
            time.sleep(MOMENT)
        with self._lock:
            served, self._callers = self._callers, []
            self._crowded = len(served) > 1
        try:
            for caller, answer in zip(served, self._do([each.wish for each in served]), strict=True):
                caller.answer.append(answer)
        except Exception as fault:  # noqa: BLE001 - whatever it is, each of them raises it in their own thread
            for caller in served:
                caller.fault = fault
        finally:
            with self._lock:
                following = self._callers[:1]
                self._at_work = bool(following)
            for caller in (*served, *following):
                caller.turn.set()
