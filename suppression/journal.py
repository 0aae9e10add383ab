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
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from core import clock
from core.settings import settings

log = structlog.get_logger()


@dataclass(frozen=True)
class Line:
    """One entry as the journal keeps it; `entry` is its id in the database that wrote it, `reference` its lasting name.

    `key` and `domain`: the keyed hashes of the address and of its domain; of a block of a whole domain there is only
    `domain`, of a company only its name. `below`, `until` and `kind`: as of a block. Old lines have fewer of these.
    """

    entry: int
    key: str | None
    cause: str
    channel: str | None
    purpose: str | None
    controller_id: int | None
    at: str
    source: str
    domain: str | None = None
    below: list[str] | None = None
    company: str | None = None
    until: str | None = None
    kind: str | None = None
    reference: str | None = None


@dataclass(frozen=True)
class Lift:
    """The entry with the reference `lifts` counts no longer. Why is left out: reasons name people."""

    lifts: str
    at: str
    asked_by: str
    agreed_by: str


@dataclass(frozen=True)
class Launch:
    """A campaign began to be sent. When its run is lost nobody knows who got it, so nobody may get it again."""

    launch: str
    at: str


@dataclass(frozen=True)
class Decided:
    """What the person behind an address decided besides objecting: topics, pauses, tracking, profiling."""

    decided: dict[str, Any]
    key: str
    at: str


@dataclass(frozen=True)
class Beat:
    """At this moment the journal was whole: nothing that had been said before is missing above."""

    beat: str


@dataclass(frozen=True)
class Gap:
    """So many lines belong here and could not be written, as on a full disk; the database keeps them meanwhile."""

    gap: str
    lines: int
    at: str


@dataclass(frozen=True)
class Mended:
    """The lines of this gap stand above."""

    mended: str
    at: str


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
    said: "Said | None"
    end: int


Said = Line | Lift | Launch | Decided | Beat | Gap | Mended
# What tells them apart; a line that has none of these is about an entry.
_KINDS: dict[str, type[Said]] = {
    "lifts": Lift, "beat": Beat, "launch": Launch, "decided": Decided, "gap": Gap, "mended": Mended,
}  # fmt: skip

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


def understood(said: dict[str, Any]) -> Said | None:
    """What a line says, or None when nobody can tell."""
    values = {name: value for name, value in said.items() if name not in {"n", "w"}}
    kind: type[Said] = next((_KINDS[name] for name in _KINDS if name in said), Line)
    try:
        return kind(**values)
    except TypeError:
        return None


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


def moment(line: Line) -> datetime:
    """When the recipient objected."""
    return datetime.fromisoformat(line.at)
