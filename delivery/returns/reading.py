"""Having mails of strangers read in another process: one that breaks it costs that process and nothing else."""

import json
import os
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import IO, Self

import delivery
from delivery.returns.child import LENGTH_BYTES
from delivery.returns.kinds import Action, ReturnClass, Returned
from delivery.returns.parts import LARGEST

# A reader is another process: it starts within a second or two, on a busy machine in more.
WAIT_SECONDS = 20.0
LONGEST_ANSWER = 4 * 1024 * 1024
BLOCK = 65_536

# Only what reads mails is loaded: the front door of the stage would bring the database, and seconds, with it.
_BEGIN = """
import sys, types
stage = sys.modules["delivery"] = types.ModuleType("delivery")
stage.__path__ = [sys.argv[1]]
from delivery.returns.child import main
main()
"""

SLOW = "took_too_long"
BROKE = "broke_reader"


@dataclass(frozen=True)
class Reading:
    """What a mail was read as. `fault` says why it could not be read: `too_large`, `took_too_long`, `broke_reader`."""

    returned: tuple[Returned, ...]
    fault: str | None = None


class Reader:
    """A process that reads mails, started at first use and again after it was lost. Safe to share between threads."""

    def __init__(self, *, wait: float = WAIT_SECONDS) -> None:
        self.wait = wait
        self._child: subprocess.Popen[bytes] | None = None
        self._turn = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, raw: bytes) -> Reading:
        """Read one mail; never raises because of what stands in it."""
        if len(raw) > LARGEST:
            return _unread("too_large")
        with self._turn:
            used = self._child is not None
            line = self._line(raw)
            if line == BROKE and used:
                # Another mail may have left it broken, or somebody ended it: this one gets a process of its own.
                line = self._line(raw)
        if isinstance(line, str):
            return _unread(line)
        return Reading(tuple(_returned(one) for one in json.loads(line)))

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._end()

    def _line(self, raw: bytes) -> bytes | str:
        """The answer, or the fault that there was instead."""
        try:
            return self._ask(raw)
        except TimeoutError:
            self._end()
            return SLOW
        except OSError:
            self._end()
            return BROKE

    def _ask(self, raw: bytes) -> bytes:
        child = self._child = self._child or _start()
        into, out = _number(child.stdin), _number(child.stdout)
        until = monotonic() + self.wait
        # What a mail is read from and answered to may fill their pipes; neither side may wait for the other for ever.
        waiting = memoryview(len(raw).to_bytes(LENGTH_BYTES, "big") + raw)
        answer = b""
        while not answer.endswith(b"\n"):
            writable = [into] if waiting else []
            readable, ready, _ = select.select([out], writable, [], max(until - monotonic(), 0))
            if ready:
                waiting = waiting[os.write(into, waiting[:BLOCK]) :]
            if readable:
                answer += _more(out)
            if not readable and not ready:
                raise TimeoutError
            if len(answer) > LONGEST_ANSWER:
                raise OSError
        return answer

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


def _start() -> subprocess.Popen[bytes]:
    """A fresh interpreter: nothing of this process, its keys and its connections, is in its memory."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", _BEGIN, str(Path(delivery.__file__).parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path(delivery.__file__).parent.parent)},
        start_new_session=True,
    )
    os.set_blocking(_number(child.stdin), False)
    return child


def _number(pipe: IO[bytes] | None) -> int:
    if pipe is None:
        raise OSError
    return pipe.fileno()


def _more(pipe: int) -> bytes:
    read = os.read(pipe, BLOCK)
    if not read:
        raise OSError
    return read


def _unread(fault: str) -> Reading:
    return Reading((Returned(ReturnClass.UNKNOWN, reason=fault, rule=fault),), fault)


def _returned(found: dict[str, object]) -> Returned:
    action = found.pop("action")
    names = found.pop("names")
    return Returned(
        **{
            **found,
            "kind": ReturnClass(str(found["kind"])),
            "action": Action(str(action)) if action else None,
            "names": tuple(names) if isinstance(names, list) else (),
        }  # type: ignore[arg-type]
    )
