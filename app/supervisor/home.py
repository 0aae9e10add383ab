"""Entering a home: made when missing, locked so that nothing runs twice in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC, EROFS
from io import TextIOWrapper
from pathlib import Path
from time import monotonic, sleep

from app.supervisor import state
from app.supervisor.guard import is_alive
from core.embedded.identity import NOBODY, is_root
from core.errors import NotReachable
from core.sentences import say

# The guard of a supervisor that was killed needs this long at most.
SECONDS_TO_CLEAR_UP = 20.0


def enter(home: Path) -> TextIOWrapper:
    """Make the home and take its lock; refuses when it runs already."""
    home.mkdir(parents=True, exist_ok=True)
    until = monotonic() + SECONDS_TO_CLEAR_UP
    while (lock := state.take_lock(home)) is None:
        found = state.read(home)
        if found is not None and (is_alive(found.pid) or monotonic() > until):
            raise NotReachable(
                "already_running",
                say(
                    "Crusoe runs already in %(home)s, at %(address)s (process %(pid)s).",
                    home=home,
                    address=found.address,
                    pid=found.pid,
                ),
                say(
                    "Look with `crusoe status`, end it with `crusoe stop`, or set CRUSOE_HOME and "
                    "CRUSOE_PORT for another."
                ),
            )
        sleep(0.1)
    return lock


def require_private(folder: Path) -> None:
    """Make the folder of the sockets; one below /tmp that another user made first would let him answer in our place."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    owners = {os.geteuid(), NOBODY} if is_root() else {os.geteuid()}
    if folder.is_symlink() or folder.stat().st_uid not in owners:
        raise NotReachable(
            "folder_not_yours",
            say("%(folder)s belongs to another user.", folder=folder),
            say("Set CRUSOE_HOME to a folder with a shorter path, so that the sockets find room inside it."),
        )


@contextmanager
def plain_sentences(home: Path) -> Iterator[None]:
    """Turn what the file system refuses into a sentence that says what to do."""
    try:
        yield
    except PermissionError as error:
        raise NotReachable(
            "no_permission",
            say("This user may not write to %(path)s.", path=error.filename or home),
            say("Give the folder to this user, or set CRUSOE_HOME to one that is theirs."),
        ) from error
    except OSError as error:
        if error.errno not in {ENOSPC, EDQUOT, EROFS}:
            raise
        raise NotReachable(
            "disk_full" if error.errno != EROFS else "disk_read_only",
            say("%(home)s cannot be written: %(why)s.", home=home, why=error.strerror),
            say("Make room, or set CRUSOE_HOME to a folder on another disk."),
        ) from error
