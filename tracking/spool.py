"""The spool: files into which web processes write hits, one line each, before they answer.

A line that was written survives the death of the process that wrote it; only a power failure can take the last ones.
Every process writes files of its own, a new one each minute, and holds a shared lock on the one it writes to. The
kernel lets go of the lock when the process dies, so the consumer knows without asking that a file is complete.
"""

import fcntl
import os
import secrets
import threading
from dataclasses import dataclass, field
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


def write_line(arrival: Arrival) -> bytes:
    """The line of a hit. What clients send loses its control characters, so it can neither end nor split a line."""
    fields = (
        str(arrival.at).encode(),
        arrival.purpose.encode(),
        arrival.token.encode(),
        arrival.method.encode("latin-1", "replace").translate(None, _CONTROL),
        b"1" if arrival.prefetch else b"0",
        arrival.ip.encode("latin-1", "replace").translate(None, _CONTROL),
        # WSGI hands over bytes in the form of latin-1 text.
        arrival.user_agent[:LONGEST_USER_AGENT].encode("latin-1", "replace").translate(None, _CONTROL),
    )
    return b"\t".join(fields) + b"\n"


def read_line(line: bytes) -> Arrival | None:
    """The hit of a line (without its end), or None when it is none, as after a torn write."""
    fields = line.split(b"\t")
    if len(fields) != len(Arrival.__slots__) or not fields[0].isdigit():
        return None
    at, purpose, token, method, prefetch, ip, user_agent = (part.decode("utf-8", "replace") for part in fields)
    return Arrival(int(at), purpose, token, method, prefetch == "1", ip, user_agent)


@dataclass
class Spool:
    """The writing end, one per process. Several threads may write."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    name: str = ""
    handle: int = -1
    minute: int = -1

    def append(self, line: bytes, *, at: int) -> None:
        """Write one line; when this returns, a kill of this process no longer loses it. Raises OSError."""
        minute = at // 60_000_000
        with self.lock:
            if minute != self.minute:
                self._rotate(minute)
            if os.write(self.handle, line) != len(line):
                # The disk is full in the middle of a line: nothing may be appended to the torn end.
                self._close()
                raise OSError(f"only a part of a line went into {self.name}")

    def _rotate(self, minute: int) -> None:
        self._close()
        folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        while self.handle < 0:
            self.name = f"{minute}-{os.getpid()}-{secrets.token_hex(6)}{SUFFIX}"
            handle = os.open(folder() / self.name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(handle, fcntl.LOCK_SH)
            # Between the two lines above the consumer may have taken the empty file for a finished one.
            if os.fstat(handle).st_nlink:
                self.handle, self.minute = handle, minute
            else:
                os.close(handle)

    def _close(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
        self.handle, self.minute = -1, -1

    def leave_to_parent(self) -> None:
        """After a fork: the open file belongs to the parent."""
        self.lock = threading.Lock()
        self._close()


def finished(handle: int) -> bool:
    """Whether nobody writes to this open file any more. The answer stays true while the handle is open."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


SPOOL = Spool()
os.register_at_fork(after_in_child=SPOOL.leave_to_parent)
