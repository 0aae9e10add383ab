"""Making a backup: a snapshot of the database as one stream, the files after it, encrypted on the way to the disk.

The file has its name only when it is whole, safely on disk, and read back from there. Mail may be sent meanwhile: the
snapshot is one moment, and what happens after it is in the next backup and, of what people object to, in the journal.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.backup import checking, contents
from app.backup.locks import Lock
from app.backup.parcel import ParcelWriter
from app.backup.sealed_stream import SealedWriter, new_key
from core import clock, db
from core.embedded.programs import connecting, program
from core.errors import NotReachable
from core.sentences import say
from core.settings import settings
from suppression import journal_end

BLOCK = 1 << 18
# What is rebuilt by those who come: who is signed in, who leads, which slots fired.
NO_DATA_OF = ("login_session", "lease", "firing")


@dataclass(frozen=True)
class Made:
    """A backup that was made and read back."""

    file: Path
    bytes: int
    seconds: float
    manifest: dict[str, Any]


def make(
    to: Path,
    *,
    locks: Callable[[bytes], list[Lock]],
    with_keys: bool = True,
    tell: Callable[[str, int], None] = lambda _name, _bytes: None,
) -> Made:
    """Write a backup to `to`. `tell` hears the name of each entry and how many of its bytes are done."""
    begun = monotonic()
    manifest = _written(
        to,
        locks=locks,
        fill=lambda parcel: _fill(parcel, with_keys=with_keys, tell=tell),
        check=partial(checking.read_through, tell=tell),
    )
    return Made(to, to.stat().st_size, round(monotonic() - begun, 1), manifest)


def make_keys(to: Path, *, locks: Callable[[bytes], list[Lock]]) -> dict[str, Any]:
    """Write the key material alone to `to`, in the place of what was there, for a backup that has none."""
    home, fingerprint = settings().home, contents.fingerprint()

    def fill(parcel: ParcelWriter) -> None:
        for path in contents.key_files(home):
            with (home / path).open("rb") as file:
                parcel.add(f"{contents.HOME}{path}", contents.blocks(file))
        moment = clock.now().isoformat(timespec="seconds")
        parcel.finish({"format": 1, "only": "keys", "keys": fingerprint, "at": moment})

    return _written(to, locks=locks, fill=fill, check=checking.read_keys)


def _written(
    to: Path,
    *,
    locks: Callable[[bytes], list[Lock]],
    fill: Callable[[ParcelWriter], None],
    check: Callable[..., dict[str, Any]],
) -> dict[str, Any]:
    """One sealed file, which has its name only when it is on disk and was read back from there; its manifest."""
    key = new_key()
    unfinished = to.with_name(f".{to.name}.{os.getpid()}.unfinished")
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            fill(ParcelWriter(SealedWriter(file, key=key, locks=locks(key))))
            file.flush()
            os.fsync(file.fileno())
        manifest = check(unfinished, unlock=lambda _locks: key)
        unfinished.replace(to)
        _sync_folder(to.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


def _fill(parcel: ParcelWriter, *, with_keys: bool, tell: Callable[[str, int], None]) -> None:
    home = settings().home
    # Before the snapshot: what stands in the journal by now is in the database that will be read.
    standing = journal_end()
    with _snapshot() as (session, name):
        found = contents.facts(session, standing=standing)
        parcel.add(contents.FACTS, [json.dumps(found).encode()])
        parcel.add(contents.SETTINGS, [json.dumps(contents.environment()).encode()])
        # After the snapshot: a hit that lies in the spool now is not in that database.
        for path in contents.files(home, with_keys=with_keys):
            # Files come and go; what was taken in or tidied away since the folder was read is not missed.
            with suppress(FileNotFoundError), (home / path).open("rb") as file:
                parcel.add(f"{contents.HOME}{path}", _told(contents.blocks(file), str(path), tell))
        parcel.add(contents.DATABASE, _told(_dump(name), contents.DATABASE, tell))
    parcel.finish(found | {"with_keys": with_keys, "finished_at": clock.now().isoformat(timespec="seconds")})


@contextmanager
def _snapshot() -> Iterator[tuple[Session, str]]:
    """One moment of the database, under a name by which other connections see the same."""
    with Session(db.engine().execution_options(isolation_level="REPEATABLE READ")) as session:
        yield session, str(session.scalar(text("SELECT pg_export_snapshot()")))


def _dump(snapshot: str) -> Iterator[bytes]:
    """What `pg_dump` writes. Raises NotReachable with its last words when it does not get to the end."""
    left_out = [f"--exclude-table-data=public.{table}" for table in NO_DATA_OF]
    command = [program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", "--schema=public", *left_out]
    with TemporaryFile() as said:
        process = subprocess.Popen(
            [*command, f"--snapshot={snapshot}"],
            env=connecting(settings().database_url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        try:
            assert process.stdout is not None  # noqa: S101 - tells the type checker what PIPE means
            while block := process.stdout.read(BLOCK):
                yield block
            if process.wait():
                said.seek(0)
                last = (said.read().decode(errors="replace").strip().splitlines() or ["It said nothing."])[-1]
                raise NotReachable("dump_failed", say("The database could not be read: %(last)s", last=last))
        finally:
            process.kill()
            process.wait()


def _told(blocks: Iterator[bytes], name: str, tell: Callable[[str, int], None]) -> Iterator[bytes]:
    done = 0
    for block in blocks:
        done += len(block)
        tell(name, done)
        yield block


def _sync_folder(folder: Path) -> None:
    """A name is on disk when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
