"""The suppression journal: every opt-out, block and lift on a line of a file, apart from the database.

After a database was restored from a backup, what came later is read back from here (see `suppression.restoring`) before
anything is sent. The file is only ever appended to, and a line is safely on disk before an opt-out is answered. It
names addresses by their keyed hash: who finds the file learns none. Domains and companies stand in it by name, as they
do in the block list.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import structlog

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


def path() -> Path:
    """Where the journal of this installation is."""
    return settings().home / "journal" / "opt-outs.jsonl"


def append(lines: Iterable[Line | Lift]) -> None:
    """Write lines and wait until the disk has them. One write, so that processes never mix their lines."""
    content = "".join(json.dumps(asdict(line)) + "\n" for line in lines).encode()
    if not content:
        return
    try:
        path().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            while content:
                content = content[os.write(handle, content) :]
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        # The entry is stored and in force; failing here would tell the recipient that the opt-out did not work.
        log.critical("opt_out_journal_failed", path=str(path()), error=str(error))


def read() -> Iterator[Line | Lift]:
    """The lines, oldest first. A last line that a crash cut off is left out: its opt-out was never answered."""
    if not path().exists():
        return
    with path().open() as file:
        for line in file:
            if line.endswith("\n"):
                said = json.loads(line)
                yield Lift(**said) if "lifts" in said else Line(**said)


def moment(line: Line) -> datetime:
    """When the recipient objected."""
    return datetime.fromisoformat(line.at)
