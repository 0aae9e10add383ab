"""Starting our own processes anew, one after the other, while everything goes on: after an upgrade of the code.

First the tables are brought to their newest form; migrations only add, so processes of the old code go on with them.
Then each worker is asked to end: it finishes the batch that it is at, its supervisor starts the next one, and only when
that one works the next worker is asked. The servers of data are left alone.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from app.supervisor import programs, state
from core.errors import NotReachable
from core.sentences import say
from core.settings import settings

SERVERS = frozenset({"postgres", "valkey"})
# A worker may take its thirty seconds for a batch, and a busy machine its time to start another one.
SECONDS = 120.0


@dataclass(frozen=True)
class Renewed:
    """One process that was started anew."""

    name: str
    before: int
    after: int
    seconds: float


def renew_all(home: Path, *, tell: Callable[[str], None]) -> list[Renewed]:
    """Migrate, then renew one after the other. Raises NotReachable at the first that does not come back."""
    found = state.read(home)
    if found is None or not state.is_running(home) or found.stage != "up":
        raise NotReachable(
            "not_running", say("Crusoe does not run in %(home)s.", home=home), say("Start it: crusoe up --detach.")
        )
    tell("tables")
    _migrate()
    renewed = []
    # The web server last: whoever looks at a page meanwhile sees one that works.
    ours = [one.name for one in found.processes if one.name not in SERVERS]
    for name in sorted(ours, key=lambda one: one == "web"):
        tell(name)
        renewed.append(_renew(home, name))
    return renewed


def _renew(home: Path, name: str) -> Renewed:
    process = _process(home, name)
    begun = monotonic()
    if process is None or process.pid is None:
        # It is between two lives already.
        return Renewed(name, 0, _wait(home, name, other_than=0), round(monotonic() - begun, 1))
    try:
        os.kill(process.pid, signal.Signals(process.stop_signal))
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise NotReachable(
            "not_yours",
            say("Process %(pid)s belongs to another user.", pid=process.pid),
            say("Stop it as the user who started it."),
        ) from error
    after = _wait(home, name, other_than=process.pid)
    return Renewed(name, process.pid, after, round(monotonic() - begun, 1))


def _wait(home: Path, name: str, *, other_than: int) -> int:
    until = monotonic() + SECONDS
    while monotonic() < until:
        process = _process(home, name)
        if process is not None and process.pid not in {None, other_than} and process.state == "running":
            return process.pid or 0
        sleep(0.05)
    raise NotReachable(
        f"{name}_not_back",
        say("%(name)s did not come back; all others run.", name=name),
        say("Read %(path)s.", path=home / "log" / "crusoe.log"),
    )


def _process(home: Path, name: str) -> state.Process | None:
    found = state.read(home)
    return next((one for one in found.processes if one.name == name), None) if found else None


def _migrate() -> None:
    done = programs.migrate(settings())
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["It said nothing."])[-1]
        raise NotReachable(
            "migration_failed",
            say("The tables could not be brought to their newest form: %(last)s", last=last),
            say("Nothing was restarted; everything runs on as it did."),
        )
