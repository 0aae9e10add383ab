"""The backups of a folder: their names, which of them to keep, when the last one was made, and when the next is due."""

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from core import clock
from core.errors import NotAllowed
from core.sentences import say
from core.settings import settings

_NAME = re.compile(r"crusoe-\d{8}-\d{6}\.backup")
STATE, LOCK = "backup.json", "backup.lock"
DAY = timedelta(days=1)
# One that failed is tried again after this long, not every few minutes for the rest of the night.
PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Standing:
    """What `crusoe status` says of backups: the last that succeeded, its age in hours, and what went wrong since."""

    at: str | None
    age_hours: float | None
    file: str | None
    bytes: int | None
    trouble: str | None
    nightly: str | None


def folder() -> Path:
    """Where backups go unless somebody names another place."""
    return settings().backup_folder or settings().home / "backups"


def fresh_name() -> str:
    """The name of a backup of this moment; names sort by age."""
    return f"crusoe-{clock.now():%Y%m%d-%H%M%S}.backup"


def thin_out(place: Path, *, keep: int) -> list[str]:
    """Remove all but the newest `keep` of the backups that lie in a folder; answers the names of those that went."""
    found = sorted(path for path in place.iterdir() if _NAME.fullmatch(path.name))
    gone = found[: max(0, len(found) - keep)]
    for path in gone:
        path.unlink()
    return [path.name for path in gone]


@contextmanager
def alone() -> Iterator[None]:
    """Hold the lock of backups of this home; NotAllowed when one is being made."""
    settings().home.mkdir(parents=True, exist_ok=True)
    with (settings().home / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotAllowed(
                "backup_running", say("A backup is being made already."), say("Wait until it is done.")
            ) from None
        yield


def note(**said: Any) -> None:
    """Write down how a backup went: `at`, `file` and `bytes`, or `failed_at` and `trouble`."""
    home = settings().home
    unfinished = home / f".{STATE}"
    kept = {} if "at" in said else _noted()
    unfinished.write_text(json.dumps(kept | said))
    unfinished.replace(home / STATE)


def standing() -> Standing:
    """How backups of this home stand."""
    said = _noted()
    at = said.get("at")
    age = round((clock.now() - datetime.fromisoformat(at)).total_seconds() / 3600, 1) if at else None
    nightly = settings().backup_at
    said_at = nightly.isoformat("minutes") if nightly else None
    return Standing(at, age, said.get("file"), said.get("bytes"), said.get("trouble"), said_at)


def is_due(now: datetime, *, at: time, last: datetime | None, failed: datetime | None) -> bool:
    """Whether the backup of the night has to be made: its hour (UTC) has come since the last one. Pure."""
    hour = datetime.combine(now.date(), at, tzinfo=now.tzinfo)
    if hour > now:
        hour -= DAY
    if failed is not None and now - failed < PAUSE:
        return False
    return last is None or last < hour


def due() -> bool:
    """Whether one is wanted now."""
    said = _noted()
    moments = [datetime.fromisoformat(said[name]) if name in said else None for name in ("at", "failed_at")]
    wanted = settings().backup_at
    return wanted is not None and is_due(clock.now(), at=wanted, last=moments[0], failed=moments[1])


def _noted() -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((settings().home / STATE).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found
