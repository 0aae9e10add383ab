"""Commands: up, stop, status."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError

from app.backup import keeping
from app.supervisor import state
from app.supervisor.guard import is_alive
from app.supervisor.home import enter, plain_sentences
from core.cli import command, console, progress
from core.errors import NotReachable
from core.sentences import say
from core.settings import settings

SECONDS_TO_WAIT = 180.0
# The supervisor gives its children 30 s, twice: our own processes first, then the servers.
SECONDS_TO_STOP = 65.0


def register(group: click.Group) -> None:
    """Hang the commands of this package into the command line."""
    command(group, "up", show=_show_up)(
        click.option("--detach", is_flag=True, help="Return as soon as everything answers; it runs on.")(up)
    )
    command(group, "stop", show=_show_stop)(stop)
    command(group, "restart")(restart)
    command(group, "status", show=_show_status)(status)


def up(*, detach: bool) -> dict[str, Any]:
    """Start everything: database, broker, web, workers, scheduler, inbox."""
    home = settings().home
    with plain_sentences(home):
        lock = enter(home)
        if detach:
            lock.close()
            return _detached(home)
        # Imported here: it brings the task queue with it, and `status` should answer at once.
        from app.supervisor.supervisor import Supervisor

        with lock:
            supervisor = Supervisor(settings(), lock=lock, echo=True)
            supervisor.run(when_up=lambda: console.print(f"Crusoe is up at {settings().public_url} (Ctrl-C ends it)."))
    return {"home": str(home), "address": settings().public_url, "stage": "stopped"}


def stop() -> dict[str, Any]:
    """Stop everything in order; data are kept."""
    home = settings().home
    found = state.read(home)
    if found is None or not state.is_running(home):
        return {"home": str(home), "stopped": False}
    begun = monotonic()
    _signal(found.pid, signal.SIGTERM)
    if not _wait_until_free(home, seconds=SECONDS_TO_STOP):
        _signal(found.pid, signal.SIGKILL)
        _wait_until_free(home, seconds=SECONDS_TO_STOP)
    while is_alive(found.pid) and monotonic() - begun < SECONDS_TO_STOP:
        # It has let go of the home and is about to end; who asks for its processes now should find none.
        sleep(0.02)
    return {"home": str(home), "stopped": True, "seconds": round(monotonic() - begun, 1)}


def restart() -> list[dict[str, Any]]:
    """Start our own processes anew, one after the other, while everything goes on; the newest tables first."""
    # Imported here: it brings the task queue with it.
    from app.supervisor.rolling import renew_all

    with plain_sentences(settings().home):
        return [asdict(one) for one in renew_all(settings().home, tell=_tell)]


def _tell(name: str) -> None:
    progress.print(name, style="dim")


def status() -> dict[str, Any]:
    """Show what runs in this home; exit code 3 when nothing does."""
    home = settings().home
    found = state.read(home)
    if found is None or not state.is_running(home):
        raise NotReachable(
            "not_running", say("Crusoe does not run in %(home)s.", home=home), say("Start it: crusoe up --detach.")
        )
    return {
        "home": str(home),
        "address": found.address,
        "stage": found.stage,
        "pid": found.pid,
        "started_at": found.started_at,
        "log": str(home / "log" / "crusoe.log"),
        "backup": asdict(keeping.standing()),
        **(_inside() if found.stage == "up" else {"quarantine": None, "numbers": None, "alarms": []}),
        "processes": [
            {name: value for name, value in asdict(process).items() if name != "stop_signal"}
            for process in found.processes
        ],
    }


def _inside() -> dict[str, Any]:
    """What only the database knows: quarantine, numbers, alarms. None of it while it is away."""
    # Imported here: without it `status` knows nothing of tables.
    from app.numbers.alarms import alarms
    from app.numbers.reading import read_numbers
    from app.restore.notice import notice
    from core.db import transaction

    # Between an upgrade of the code and that of the tables it has other columns; `status` must answer all the same.
    with suppress(NotReachable, SQLAlchemyError), transaction() as session:
        found, numbers = notice(session), read_numbers(session)
        return {
            "quarantine": None if found is None else asdict(found),
            "numbers": asdict(numbers),
            "alarms": [asdict(one) for one in alarms(numbers)],
        }
    return {"quarantine": None, "numbers": None, "alarms": []}


def _detached(home: Path) -> dict[str, Any]:
    log = home / "log" / "start.log"
    log.parent.mkdir(exist_ok=True, mode=0o700)
    (home / state.FILE).unlink(missing_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "app", "up"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={
                **os.environ,
                "CRUSOE_HOME": str(home),
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            },
        )
    until = monotonic() + SECONDS_TO_WAIT
    while monotonic() < until:
        found = state.read(home)
        if found is not None and found.pid == process.pid:
            if found.stage == "up":
                return status()
            if found.stage == "failed":
                process.wait()
                raise NotReachable(**found.error)
        if process.poll() is not None:
            break
        sleep(0.05)
    last = (log.read_text(errors="replace").strip().splitlines() or ["It said nothing."])[-1]
    raise NotReachable("not_started", say("Crusoe did not start: %(last)s", last=last), say("Read %(log)s.", log=log))


def _wait_until_free(home: Path, *, seconds: float) -> bool:
    until = monotonic() + seconds
    while monotonic() < until:
        if not state.is_running(home):
            return True
        sleep(0.1)
    return False


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        # It ended in the meantime, or its guard is at work; waiting for the lock tells.
        return
    except PermissionError as error:
        raise NotReachable(
            "not_yours",
            say("Process %(pid)s belongs to another user.", pid=pid),
            say("Stop it as the user who started it."),
        ) from error


def _show_up(answer: dict[str, Any]) -> None:
    if answer["stage"] == "up":
        console.print(f"Crusoe is up at {answer['address']}. Log: {answer['log']}. End it with `crusoe stop`.")
    else:
        console.print("Crusoe has stopped; the data are kept.")


def _show_stop(answer: dict[str, Any]) -> None:
    if answer["stopped"]:
        console.print(f"Crusoe has stopped after {answer['seconds']} s; the data are kept in {answer['home']}.")
    else:
        console.print(f"Nothing runs in {answer['home']}.")


def _show_status(answer: dict[str, Any]) -> None:
    console.print(f"{answer['stage']} at {answer['address']} since {answer['started_at']}, home {answer['home']}")
    if answer["quarantine"]:
        for sentence in ("This installation is in quarantine.", *answer["quarantine"]["sentences"]):
            console.print(f"  {sentence}", style="bold red")
    for alarm in answer["alarms"]:
        console.print(f"  {alarm['message']}", style="yellow")
    backup = answer["backup"]
    said = f"{backup['age_hours']} hours old" if backup["at"] else "none yet"
    console.print(f"  backup: {said}{'; the last try failed: ' + str(backup['trouble']) if backup['trouble'] else ''}")
    for process in answer["processes"]:
        console.print(
            f"  {process['name']:<10} {process['state']:<9} process {process['pid'] or '-':<8} "
            f"restarts {process['restarts']}"
        )
