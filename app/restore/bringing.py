"""`crusoe restore FILE`, step by step: look, refuse, bring back, put in place, migrate."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from alembic.script import ScriptDirectory

from app.backup import checking, contents
from app.backup.parcel import ParcelReader
from app.backup.sealed_stream import SealedReader
from app.migrations import configuration
from app.restore import database, files
from app.supervisor import programs
from app.supervisor.home import enter
from core import clock, keys
from core.embedded.postgres import FAST_SHUTDOWN
from core.errors import NotAllowed, NotReachable, WrongInput
from core.sentences import say
from core.settings import settings
from suppression import journal_end

Tell = Callable[[str, int], None]

_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'crusoe' AND pid <> pg_backend_pid()
"""


def restore(
    file: Path,
    *,
    unlock: checking.Unlock,
    keys_of: Path | None,
    replace: bool,
    lost_at: str,
    agree: Callable[[dict[str, Any]], None],
    tell: Tell,
) -> dict[str, Any]:
    """Bring an installation back, in quarantine; answers what was done. `agree` raises when the person says no.

    Refuses while anything runs, and to replace anything unless it is told to. A backup that is damaged is found before
    anything is touched.
    """
    manifest = checking.read_through(file, unlock=unlock, tell=tell)
    _require_known(manifest)
    if keys_of is not None:
        _require_same(checking.read_keys(keys_of, unlock=unlock), manifest, keys_of)
        manifest["with_keys"] = True
    home = settings().home
    with enter(home), _server(home):
        had = _look(replace=replace)
        _require_keys(manifest, home, replace=replace)
        if had:
            agree(manifest)
        # Before the one of the backup is put into its place: what matters is how far the journal that we have goes.
        details = _details(manifest, lost_at=lost_at)
        settings_then = _bring_back(file, unlock=unlock, details=details, home=home, tell=tell)
        if keys_of is not None:
            _lay_keys_aside(keys_of, unlock=unlock, home=home)
        replaced = files.put_in_place(home)
        keys.keys.cache_clear()
        _migrate()
    return {
        "file": str(file),
        "at": manifest["at"],
        "migration": manifest["migration"],
        "replaced": replaced,
        "settings_differ": _differing(settings_then),
        "quarantined": True,
    }


def _require_known(manifest: dict[str, Any]) -> None:
    known = {each.revision for each in ScriptDirectory.from_config(configuration()).walk_revisions()}
    if manifest["migration"] not in known:
        raise WrongInput(
            "backup_newer",
            say(
                "The backup was made by a newer Crusoe: its tables are of %(migration)s.",
                migration=manifest["migration"],
            ),
            say("Install that version first."),
        )


def _look(*, replace: bool) -> bool:
    """Whether there is a database already. Refuses one that is in use, or that nobody said may go."""
    plain = settings().database_url.replace("postgresql+psycopg://", "postgresql://")
    try:
        with psycopg.connect(plain, application_name="crusoe-restore") as connection:
            others, tables = (int(connection.execute(q).fetchone()[0]) for q in (_OTHERS, _TABLES))  # type: ignore[index]
    except psycopg.OperationalError as error:
        raise NotReachable(
            "database_unreachable", say("The database does not answer."), say("Check DATABASE_URL.")
        ) from error
    if others:
        raise NotAllowed(
            "database_in_use",
            say("Processes of Crusoe are connected to the database (%(count)s).", count=others),
            say("Stop them everywhere, then do it again."),
        )
    if tables and not replace:
        raise NotAllowed(
            "not_empty",
            say("There is a database already, with %(count)s tables.", count=tables),
            say("Restore into an empty home, or say --replace: then what is there now is gone."),
        )
    return tables > 0


def _require_keys(manifest: dict[str, Any], home: Path, *, replace: bool) -> None:
    """The database can only be used with the key file that it was made with."""
    there = (home / "keys.json").exists()
    same = there and contents.fingerprint() == manifest["keys"]
    if same or (manifest["with_keys"] and (replace or not there)):
        return
    raise NotAllowed(
        "other_keys",
        say("The key file in %(home)s is not the one that this backup was made with.", home=home)
        if there
        else say("There is no key file in %(home)s, and the backup has none.", home=home),
        say("Put the right keys.json there; with --replace one from the backup takes the place of another."),
    )


def _require_same(keys_manifest: dict[str, Any], manifest: dict[str, Any], file: Path) -> None:
    if keys_manifest["keys"] != manifest["keys"]:
        raise NotAllowed(
            "other_keys",
            say("The keys in %(file)s are not those that this backup was made with.", file=file),
            say("Name the file that was written together with this backup."),
            "--keys",
        )


def _details(manifest: dict[str, Any], *, lost_at: str) -> dict[str, Any]:
    return {
        "backup_at": manifest["at"],
        "journal": manifest["journal"],
        "runs": manifest["runs"],
        "restored_at": clock.now().isoformat(timespec="seconds"),
        "lost_at": clock.read(lost_at).isoformat(),
        "journal_at": journal_end().at,
    }


def _bring_back(
    file: Path, *, unlock: checking.Unlock, details: dict[str, Any], home: Path, tell: Tell
) -> dict[str, str]:
    found: dict[str, str] = {}
    shutil.rmtree(home / files.FOLDER, ignore_errors=True)
    with file.open("rb") as opened:
        parcel = ParcelReader(SealedReader(opened, unlock=unlock))
        for name, blocks in parcel.entries():
            tell(name, 0)
            if name == contents.DATABASE:
                database.bring_back(blocks, details=details)
            elif name == contents.SETTINGS:
                found = json.loads(b"".join(blocks))
            elif name.startswith(contents.HOME):
                files.lay_aside(home, name.removeprefix(contents.HOME), blocks)
    return found


def _lay_keys_aside(file: Path, *, unlock: checking.Unlock, home: Path) -> None:
    with file.open("rb") as opened:
        for name, blocks in ParcelReader(SealedReader(opened, unlock=unlock)).entries():
            if name.startswith(contents.HOME):
                files.lay_aside(home, name.removeprefix(contents.HOME), blocks)


def _differing(then: dict[str, str]) -> list[str]:
    """Names of settings that are not as they were. Values may be passwords: those stay in the backup."""
    now = contents.environment()
    return sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))


@contextmanager
def _server(home: Path) -> Iterator[None]:
    """The embedded database while it is needed; one that the operator brings is there anyway."""
    if settings().external_database_url:
        yield
        return
    server = programs.embedded_postgres(settings())
    (home / "log").mkdir(exist_ok=True, mode=0o700)
    process = server.start(log=home / "log" / "restore.log")
    try:
        server.create_database()
        yield
    finally:
        process.send_signal(FAST_SHUTDOWN)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _migrate() -> None:
    done = programs.migrate(settings())
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["It said nothing."])[-1]
        raise NotReachable(
            "migration_failed",
            say("The tables could not be brought to their newest form: %(last)s", last=last),
            say("The database is back and in quarantine; `crusoe up` tries again."),
        )
