"""The spool: files into which web processes write hits, one line each, before they answer.

A line that was written survives the death of the process that wrote it; only a power failure can take the last ones.
Every process writes files of its own, a new one each minute, and holds a shared lock on the one it writes to. The
kernel lets go of the lock when the process dies, so the consumer knows without asking that a file is complete.
"""

import fcntl
import os
import secrets
import threading
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from core.settings import settings

SUFFIX = ".hits"
LONGEST_USER_AGENT = 400

_CONTROL = bytes([*range(32), 127])


def folder() -> Path:
    """Where the spool of this home lies."""
    return settings().home / "spool"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One hit as it came in. `at`: microseconds since 1970, UTC; `prefetch`: the client said it only looks ahead."""

    at: int
    purpose: str
    token: str
    method: str
    prefetch: bool
    ip: str
    user_agent: str


def write_line(*, at: int, purpose: str, token: str, method: str, prefetch: bool, ip: str, user_agent: str) -> bytes:
    """The line of a hit. What clients send loses its control characters, so it can neither end nor split a line."""
    # WSGI hands over bytes in the form of latin-1 text.
    place = ip if ip.isprintable() else ""
    agent = user_agent[:LONGEST_USER_AGENT].encode("latin-1", "replace").translate(None, _CONTROL)
    fields = "\t".join((str(at), purpose, token, method, "1" if prefetch else "0", place, ""))
    return fields.encode("latin-1", "replace") + agent + b"\n"


def read_line(line: bytes) -> Arrival | None:
    """The hit of a line (without its end), or None when it is none, as after a torn write."""
    fields = line.split(b"\t")
    if len(fields) != len(Arrival.__slots__) or not fields[0].isdigit():
        return None
    at, purpose, token, method, prefetch, ip, user_agent = (part.decode("utf-8", "replace") for part in fields)
    return Arrival(int(at), purpose, token, method, prefetch == "1", ip, user_agent)


@dataclass(frozen=True, slots=True)
class Writing:
    """The file of a minute. It is closed when the last thread that writes to it has let go of it."""

    minute: int
    file: FileIO


class Spool:
    """The writing end, one per process. Several threads may write: an appending write is one step for the kernel."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.writing: Writing | None = None

    def append(self, line: bytes, *, at: int) -> None:
        """Write one line; when this returns, a kill of this process no longer loses it. Raises OSError."""
        minute = at // 60_000_000
        writing = self.writing
        if writing is None or writing.minute < minute:
            writing = self._move_on(minute)
        if writing.file.write(line) != len(line):
            # The disk is full in the middle of a line: nothing more may be appended to the torn end.
            self.writing = None
            raise OSError("only a part of the line found room on the disk")

    def _move_on(self, minute: int) -> Writing:
        with self.lock:
            if self.writing is None or self.writing.minute < minute:
                self.writing = Writing(minute, _new_file(minute))
            return self.writing

    def close(self) -> None:
        """Let go of the file; also after a fork, when it belongs to the parent."""
        self.lock = threading.Lock()
        self.writing = None


def _new_file(minute: int) -> FileIO:
    """An empty file under a name that no other process ever uses, locked as being written to."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        path = folder() / f"{minute}-{os.getpid()}-{secrets.token_hex(6)}{SUFFIX}"
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_SH)
        # Between the two lines above the consumer may have taken the empty file for a finished one.
        if os.fstat(handle).st_nlink:
            return FileIO(handle, "a")
        os.close(handle)


def finished(handle: int) -> bool:
    """Whether nobody writes to this open file any more. The answer stays true while the handle is open."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


SPOOL = Spool()
os.register_at_fork(after_in_child=SPOOL.close)
