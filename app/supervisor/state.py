"""What is running in a home, written down for `crusoe status`, `crusoe stop` and the guard."""

import fcntl
import json
from dataclasses import asdict, dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any

FILE = "supervisor.json"
LOCK = "supervisor.lock"


@dataclass(frozen=True)
class Process:
    """One child. `state` is starting, running, waiting (for its next try) or stopped; `stop_signal` a signal number."""

    name: str
    pid: int | None
    state: str
    restarts: int
    stop_signal: int


@dataclass(frozen=True)
class State:
    """The supervisor of a home: `stage` is starting, up, stopping, stopped or failed; `error` says why it failed."""

    stage: str
    pid: int
    address: str
    started_at: str
    processes: tuple[Process, ...] = ()
    error: dict[str, Any] = field(default_factory=dict)


def write(home: Path, state: State) -> None:
    """Replace the state in one step: a reader sees the old one or the new one."""
    unfinished = home / f".{FILE}"
    unfinished.write_text(json.dumps(asdict(state), indent=1))
    unfinished.replace(home / FILE)


def read(home: Path) -> State | None:
    """The last state that was written, or None when nothing ever ran here."""
    try:
        content = json.loads((home / FILE).read_text())
    except FileNotFoundError:
        return None
    return State(**content | {"processes": tuple(Process(**process) for process in content["processes"])})


def take_lock(home: Path) -> TextIOWrapper | None:
    """Take the lock of a home for as long as the answer stays open; None when somebody has it.

    The kernel lets go of it however its owner ends. The guard inherits it, so it is free when all children are gone.
    """
    file = (home / LOCK).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def is_running(home: Path) -> bool:
    """Whether a supervisor, or the guard of one that was killed, is at work in this home."""
    if not (home / LOCK).exists():
        return False
    lock = take_lock(home)
    if lock is None:
        return True
    lock.close()
    return False
