"""What a worker was doing when it died: a file for each batch that is being handed over.

The ledger knows that a batch passed the gate, not how far it came. So the worker writes a line before the body of
each mail leaves and one after each definite answer. Written bytes outlive the process that wrote them, even when it is
killed with -9, but not the machine; so a journal counts only as long as the same system has been up (`boot`), and only
when its lock is free: a process that holds it lives, perhaps stopped, and may still go on. Whatever cannot be trusted
proves nothing, and its messages end as `unknown`.

Nothing is synced to the disk: two lines cost a few microseconds for each mail, and one write takes several lines.
"""

import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import structlog

from core.settings import settings
from delivery.smtp import Accepted, Deferred, NotAttempted, Outcome, Phase, Refused, Unknown

log = structlog.get_logger()

BOOT = Path("/proc/sys/kernel/random/boot_id")
STALE = 24 * 60 * 60
SETTLED_DOWN = 1.0

_KINDS: dict[str, type[Outcome]] = {
    kind.__name__: kind for kind in (Accepted, Deferred, NotAttempted, Refused, Unknown)
}
_LINE = re.compile(r"(?:begun (?P<begun>\d+)|done (?P<done>\d+) (?P<outcome>\{.*\}))")

LOST = Unknown(Phase.BODY, None, "the worker was lost while handing over")
NOT_BEGUN = NotAttempted(Phase.MAIL, None, "")


def folder() -> Path:
    """Where the journals of this home are; all its workers and whoever tidies up after them must share it."""
    return settings().home / "handover"


def boot() -> str | None:
    """Which start of the system this is, or None where the system does not tell: then no journal is trusted."""
    try:
        return BOOT.read_text().strip() or None
    except OSError:
        return None


@cache
def _host() -> str:
    return "".join(socket.gethostname().split()) or "-"


class Journal:
    """The journal of one batch, locked as long as its worker may send anything of it."""

    def __init__(self, path: Path, file: int | None) -> None:
        self._path = path
        self._file = file

    def note(self, *, begun: Sequence[int] = (), ended: Mapping[int, Outcome]) -> bool:
        """Note what became of some mails, and that the bodies of others are about to leave; in one write.

        False when that cannot be noted: then these must not leave. An answer that cannot be noted is only missed when
        the worker dies.
        """
        lines = [_line(message_id, outcome) for message_id, outcome in ended.items()]
        lines += [f"begun {message_id}\n" for message_id in begun]
        return self._write("".join(lines).encode())

    def _write(self, data: bytes) -> bool:
        if self._file is None or not data:
            return True
        try:
            written = os.write(self._file, data)
        except OSError as error:
            log.warning("journal_not_written", file=self._path.name, error=str(error))
            return False
        return written == len(data)

    def remove(self) -> None:
        """The ledger knows everything that stands in here."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the lock: nothing of this batch will be sent by us any more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _line(message_id: int, outcome: Outcome) -> str:
    # The text alone is what has to be escaped; a whole object would take five times as long, for every mail.
    kind, code = type(outcome).__name__, "null" if outcome.code is None else outcome.code
    said = f'"kind": "{kind}", "phase": "{outcome.phase}", "code": {code}, "text": {json.dumps(outcome.text)}'
    return f"done {message_id} {{{said}}}\n"


@contextmanager
def keep(token: int) -> Iterator[Journal]:
    """The journal of a claim, from before the gate until everything is settled; left behind when that went wrong.

    Where no file can be written, mail is sent all the same, and a death costs what it would cost without a journal.
    """
    journal = Journal(_path(token), _create(_path(token)))
    try:
        yield journal
        journal.remove()
    finally:
        journal.close()


def _path(token: int) -> Path:
    return folder() / str(token)


def _create(path: Path) -> int | None:
    here = boot()
    if here is None:
        return None
    head = f"handover 1 {here} {_host()}\n".encode()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        log.warning("journal_not_made", file=str(path), error=str(error))
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.write(file, head) == len(head):
            return file
        error_text = "the disk is full"
    except OSError as error:
        error_text = str(error)
    log.warning("journal_not_made", file=str(path), error=error_text)
    os.close(file)
    path.unlink(missing_ok=True)
    return None


@dataclass(frozen=True)
class Left:
    """What a lost worker left: its answers, what it had begun, and whether that is all that it had begun."""

    answers: dict[int, Outcome] = field(default_factory=dict)
    begun: frozenset[int] = frozenset()
    whole: bool = False

    def outcome(self, message_id: int) -> Outcome:
        """What may be said of one message of the claim; `LOST` unless more is certain."""
        if message_id in self.answers:
            return self.answers[message_id]
        return NOT_BEGUN if self.whole and message_id not in self.begun else LOST


# Its worker may live, or the file is of another boot, damaged or gone.
NOTHING = Left()


def left_by(token: int) -> Left:
    """Read the journal of a claim whose lease ran out. `NOTHING` when it cannot be trusted or its worker lives.

    The lock is shared, so that several readers never take each other for the worker; once it was free its worker is
    gone for good, because only the process that made the file ever holds it alone.
    """
    try:
        with _path(token).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            content = file.read()
    except OSError:
        return NOTHING
    return parse(content, here=boot())


def parse(content: bytes, *, here: str | None) -> Left:
    """What a journal says, given that its worker is gone and `here` is the boot of today. Pure."""
    *lines, tail = content.split(b"\n")
    try:
        head, *texts = [line.decode("ascii") for line in lines]
        if here is None or head.split()[:3] != ["handover", "1", here]:
            return NOTHING
        return _read(texts, whole=tail == b"")
    except (ValueError, KeyError):
        # Not one of ours, or damaged: what else stands in there may be wrong as well.
        return NOTHING


def _read(lines: list[str], *, whole: bool) -> Left:
    """After a torn last line (`whole` is False) the answers count, but that nothing else was begun does not."""
    begun: set[int] = set()
    answers: dict[int, Outcome] = {}
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(line)
        if found["begun"]:
            begun.add(int(found["begun"]))
            continue
        said = json.loads(found["outcome"])
        kind = _KINDS[said["kind"]]
        # Nobody can have taken a mail whose body never left.
        if kind in {Accepted, Unknown} and int(found["done"]) not in begun:
            raise ValueError(line)
        answers[int(found["done"])] = kind(Phase(said["phase"]), said["code"], str(said["text"]))
    return Left(answers=answers, begun=frozenset(begun), whole=whole)


def orphans(*, seconds: float = SETTLED_DOWN) -> list[int]:
    """Tokens of the journals of this home that nobody holds: their workers are gone, or let go of them for good.

    Younger ones than `seconds` are left alone: between making one and locking it nobody may look.
    """
    found = []
    for path in folder().glob("*"):
        with suppress(OSError, ValueError), path.open("rb") as file:
            if path.stat().st_mtime <= time.time() - seconds:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                found.append(int(path.name))
    return found


def forget(token: int) -> None:
    """Remove the journal of a claim that was settled from it."""
    _path(token).unlink(missing_ok=True)


def forget_stale(*, seconds: float = STALE) -> int:
    """Remove journals that were written to so long ago and that nobody holds; answers how many."""
    removed = 0
    for path in folder().glob("*"):
        with suppress(OSError), path.open("rb") as file:
            if path.stat().st_mtime > time.time() - seconds:
                continue
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            path.unlink()
            removed += 1
    return removed
