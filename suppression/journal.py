"""The suppression journal: every opt-out, block and lift on a line of a file, apart from the database.

After a database was restored from a backup, what came later is read back from here (see `suppression.restoring`) before
anything is sent. The file is only ever appended to, and a line is safely on disk before an opt-out is answered. It
names addresses by their keyed hash: who finds the file learns none. Domains and companies stand in it by name, as they
do in the block list.

Lines are numbered, so that one that is missing is seen, and every few minutes a line says only that the journal was
still being written: so it can be told whether a copy goes up to the moment at which an installation was lost.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from core import clock
from core.settings import settings
from suppression.journal_lines import Launch, Lift, Line, Said, understood

log = structlog.get_logger()


@dataclass(frozen=True)
class Place:
    """How far a journal goes: the number of its last line, its bytes, and when something was last written to it."""

    number: int = 0
    bytes: int = 0
    at: str | None = None


@dataclass(frozen=True)
class Numbered:
    """A line as it was read, with its number (0 in journals from before lines had one) and where the next one begins.

    `said` is None where nobody can read what stands there.
    """

    number: int
    said: Said | None
    end: int


# More than the longest line.
TAIL = 1 << 16


def path() -> Path:
    """Where the journal of this installation is."""
    return settings().home / "journal" / "opt-outs.jsonl"


def append(lines: Iterable[Said]) -> bool:
    """Write lines and wait until the disk has them; one process at a time. Answers whether that worked."""
    wanted = list(lines)
    if not wanted:
        return True
    try:
        path().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path(), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # The kernel lets go of it when the file is closed, whatever happens to this process.
            fcntl.flock(handle, fcntl.LOCK_EX)
            _write(handle, wanted)
        finally:
            os.close(handle)
    except OSError as error:
        # What the lines are about is stored and in force; `journal_gaps` keeps them until they can be written.
        log.critical("opt_out_journal_failed", path=str(path()), error=str(error))
        return False
    return True


def _write(handle: int, wanted: list[Said]) -> None:
    last, torn = _last(handle)
    written = clock.now().isoformat()
    numbered = (asdict(one) | {"n": number, "w": written} for number, one in enumerate(wanted, start=last + 1))
    content = (b"\n" if torn else b"") + "".join(json.dumps(one) + "\n" for one in numbered).encode()
    size = os.fstat(handle).st_size
    try:
        while content:
            content = content[os.write(handle, content) :]
        os.fsync(handle)
    except OSError:
        # All or nothing: half of it would be a line that nobody can read.
        with suppress(OSError):
            os.ftruncate(handle, size)
        raise


def _last(handle: int) -> tuple[int, bool]:
    """The number of the last whole line, and whether a crash left a piece of a line behind it."""
    size = os.fstat(handle).st_size
    tail = os.pread(handle, TAIL, max(0, size - TAIL))
    whole, _, torn = tail.rpartition(b"\n")
    number = 0
    for line in reversed(whole.split(b"\n")):
        if number := _number(line):
            break
    return number, bool(torn)


def _number(line: bytes) -> int:
    try:
        return int(json.loads(line).get("n", 0))
    except (ValueError, AttributeError):
        return 0


def end(file: Path | None = None) -> Place:
    """How far a journal goes; of one that is not there, nowhere."""
    place = file or path()
    if not place.exists():
        return Place()
    with place.open("rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        number, _torn = _last(opened.fileno())
        tail = os.pread(opened.fileno(), TAIL, max(0, size - TAIL)).rpartition(b"\n")[0].split(b"\n")
    # Not when somebody objected: that may be long ago, or an import may say that it is tomorrow.
    moments = [_document(line).get("w") for line in tail]
    return Place(number, size, max(filter(None, moments), default=None))


def numbered(file: Path | None = None, *, after: int = 0) -> Iterator[Numbered]:
    """The lines from byte `after` on, oldest first. A last line that a crash cut off is left out: it was not answered.

    What cannot be read otherwise is answered as such: somebody's objection may have stood there.
    """
    place = file or path()
    if not place.exists():
        return
    with place.open("rb") as opened:
        opened.seek(after)
        for line in opened:
            after += len(line)
            if line.endswith(b"\n") and line.strip():
                said = _document(line)
                yield Numbered(int(said.get("n", 0)), understood(said), after)


def _document(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def read(file: Path | None = None) -> Iterator[Line | Lift]:
    """What was said, oldest first."""
    for one in numbered(file):
        if isinstance(one.said, Line | Lift):
            yield one.said


def launches(file: Path | None = None) -> Iterator[Launch]:
    """The campaigns that began to be sent, oldest first."""
    for one in numbered(file):
        if isinstance(one.said, Launch):
            yield one.said
