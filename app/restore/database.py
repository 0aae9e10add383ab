"""The database of a backup, brought back in one transaction that also begins the quarantine.

What `pg_restore` makes of the dump goes to `psql` line by line, with two statements in front that make room and one
behind that says that this database was restored. Either all of it is there or nothing of it: no process ever sees the
old ledger without the mark that forbids to send.
"""

import json
import subprocess
from collections.abc import Iterator
from tempfile import TemporaryFile
from threading import Thread
from typing import IO, Any

from psycopg.sql import SQL, Literal

from core import quarantine
from core.embedded.postgres import environment
from core.embedded.programs import connecting, program
from core.errors import NotReachable
from core.sentences import say
from core.settings import settings

# A server older than the programs does not know this setting, and needs it for nothing.
UNKNOWN_TO_OLD = b"SET transaction_timeout = 0;\n"
ROOM = b"DROP SCHEMA IF EXISTS public CASCADE;\n"
MAKES_ROOM = b"CREATE SCHEMA public;\n"

_MARK = SQL("\nINSERT INTO public.quarantine (cause, details) SELECT {cause}, {details}::jsonb;\n")
# One that stood when the backup was made has another beginning now.
_CLEAR = "\nUPDATE public.quarantine SET released_at = now(), released_by = 'restore' WHERE released_at IS NULL;\n"


def bring_back(dump: Iterator[bytes], *, details: dict[str, Any]) -> None:
    """Replace the database by the dump, quarantined. Raises NotReachable, and then the old one is as it was."""
    reached = connecting(settings().database_url)
    with TemporaryFile() as said:
        unpacking = subprocess.Popen(
            [program("pg_restore"), "--no-owner", "--no-privileges", "--file=-"],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        storing = subprocess.Popen(
            [program("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-"],
            env=reached,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            _run(dump, unpacking, storing, details)
        finally:
            # Without its end `psql` must not commit: it is gone before it could be told to.
            storing.kill()
            unpacking.kill()
            codes = unpacking.wait(), storing.wait()
        if codes != (0, 0):
            said.seek(0)
            _complain(said.read().decode(errors="replace"))


def _run(
    dump: Iterator[bytes],
    unpacking: "subprocess.Popen[bytes]",
    storing: "subprocess.Popen[bytes]",
    details: dict[str, Any],
) -> None:
    assert unpacking.stdin and unpacking.stdout and storing.stdin  # noqa: S101, PT018 - tells what PIPE means
    failed: list[BaseException] = []
    feeding = Thread(target=_feed, args=(dump, unpacking.stdin, failed))
    feeding.start()
    try:
        storing.stdin.write(ROOM)
        made_room = False
        for line in unpacking.stdout:
            made_room = made_room or line == MAKES_ROOM
            if line != UNKNOWN_TO_OLD:
                storing.stdin.write(line)
        feeding.join()
        # A dump that broke off must not be stored as if it were whole.
        if failed or unpacking.wait() != 0:
            storing.kill()
        else:
            storing.stdin.write(_CLEAR.encode() + _mark(details))
            storing.stdin.close()
            storing.wait()
    except BrokenPipeError:
        # It says itself what went wrong.
        unpacking.kill()
    feeding.join()
    if failed and not isinstance(failed[0], BrokenPipeError):
        storing.kill()
        storing.wait()
        raise failed[0]


def _feed(dump: Iterator[bytes], into: IO[bytes], failed: list[BaseException]) -> None:
    try:
        for block in dump:
            into.write(block)
    except Exception as error:  # noqa: BLE001 - handed over to the thread that waits for it
        failed.append(error)
    finally:
        try:
            into.close()
        except BrokenPipeError as error:
            failed.append(error)


def _mark(details: dict[str, Any]) -> bytes:
    return _MARK.format(cause=Literal(quarantine.RESTORED), details=Literal(json.dumps(details))).as_bytes(None)


def _complain(said: str) -> None:
    last = next((line for line in said.splitlines() if "ERROR" in line or "error" in line), said.strip()[-300:])
    raise NotReachable(
        "restore_failed",
        say("The database was not brought back, and what was there is as it was: %(problem)s", problem=last),
        say("Check that the server has room and that its user may make tables, then do it again."),
    )
