"""Bringing a new version of a list into force: checked first, loaded beside the old one, switched at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from core import audit, clock
from core.db import transaction
from core.errors import WrongInput
from core.sentences import say
from suppression.lists.adapter import ListSpec, unreadable
from suppression.lists.known import spec as spec_of
from suppression.lists.matching import match_endpoints, newest_endpoint
from suppression.models import ListHit, ListVersion, VersionState

READ = 1 << 20

# Records of a shifted file that are compared with the version in force, for each way it may be shifted.
SAMPLE = 500


@dataclass(frozen=True)
class Imported:
    """What an import did. `changed` is false when this very file is the version in force already."""

    list: str
    version: int
    records: int
    published_at: datetime
    sha256: str
    hits: int
    changed: bool


@dataclass(frozen=True)
class _Package:
    """A checked file."""

    path: Path
    spec: ListSpec
    records: int
    sha256: bytes
    published_at: datetime | None


def import_list(
    *, path: Path, list_id: str, published_at: datetime | None = None, actor: str, note: str | None = None
) -> Imported:
    """Load a file as the new version of a list and put it into force, in one transaction of its own.

    Whatever is wrong with the file, nothing changes and the answer says what. `published_at` is when the operator
    published it: the age of the list runs from there; without it, from now. The version before is kept as evidence.
    """
    package = _check(path, spec_of(list_id), published_at)
    with transaction() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"list:{list_id}"})
        before = session.scalar(
            select(ListVersion).where(ListVersion.list_id == list_id, ListVersion.state == VersionState.ACTIVE)
        )
        if before is not None and _is_same(package, before):
            return _answer(session, before, changed=False)
        version = _load(session, package, actor=actor, note=note)
        if before is not None:
            _refuse_shifted(session, package, before)
        _put_into_force(session, package, version, before)
        _note(session, version, before, actor)
        return _answer(session, version, changed=True)


def _check(path: Path, spec: ListSpec, published_at: datetime | None) -> _Package:
    if published_at is not None and clock.require_aware(published_at) > clock.now() + timedelta(days=1):
        raise WrongInput(
            "published_in_future",
            say("%(time)s lies in the future.", time=published_at.isoformat()),
            say("Correct the date."),
        )
    records = spec.check(path)
    try:
        with path.open("rb") as file:
            digest = sha256()
            while block := file.read(READ):
                digest.update(block)
    except OSError as error:
        raise unreadable(path, error) from error
    return _Package(path, spec, records, digest.digest(), published_at)


def _is_same(package: _Package, before: ListVersion) -> bool:
    return before.sha256 == package.sha256 and package.published_at in {None, before.published_at}


def _load(session: Session, package: _Package, *, actor: str, note: str | None) -> ListVersion:
    version = ListVersion(
        list_id=package.spec.id,
        state=VersionState.LOADING,
        published_at=package.published_at or clock.now(),
        records=package.records,
        sha256=package.sha256,
        fetched_by=actor,
        source_note=note,
    )
    session.add(version)
    session.flush()
    _copy_records(session, package)
    # In order and each once: an index that grows at its end only is filled four times as fast.
    stored = session.execute(
        text(
            "INSERT INTO list_record (version_id, digest)"
            " SELECT :version, digest FROM list_intake GROUP BY digest ORDER BY digest"
        ),
        {"version": version.id},
    )
    version.records = int(stored.rowcount)  # type: ignore[attr-defined]
    session.execute(text("DROP TABLE list_intake"))
    return version


def _copy_records(session: Session, package: _Package) -> None:
    session.execute(text("CREATE TEMP TABLE list_intake (digest bytea) ON COMMIT DROP"))
    driver = session.connection().connection.driver_connection
    if driver is None:
        raise RuntimeError("the session has no connection")
    # The row of a binary COPY: one field, its length, the digest. Made by joining, not by a call per record.
    head = b"\x00\x01" + package.spec.digest_size.to_bytes(4, "big")
    check = sha256()
    into = "COPY list_intake (digest) FROM STDIN (FORMAT binary)"
    with package.path.open("rb") as file, driver.cursor() as cursor, cursor.copy(into) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for block in package.spec.read(file):
            check.update(b"".join(block))
            copy.write(head + head.join(block))
        copy.write(b"\xff\xff")
    if check.digest() != package.sha256:
        raise WrongInput(
            "list_changed", say("The file changed while it was read."), say("Import it again."), str(package.path)
        )


def _refuse_shifted(session: Session, package: _Package, before: ListVersion) -> None:
    """Refuse a file that lost bytes at one place and gained some at another: its size fits, its records are rubbish.

    Read from another byte on it shows records of the version in force. By chance that does not happen.
    """
    with package.path.open("rb") as file:
        windows = list(_shifted(file, package.spec))
    known = session.scalar(
        text("SELECT count(*) FROM list_record WHERE version_id = :version AND digest = ANY (:digests)"),
        {"version": before.id, "digests": windows},
    )
    if known:
        raise WrongInput(
            "list_broken",
            say("The records in the file are shifted: bytes were lost or added on its way."),
            say("Fetch it again, in binary mode; the list in force stays."),
            str(package.path),
        )


def _shifted(file: BinaryIO, spec: ListSpec) -> Iterator[bytes]:
    size = spec.digest_size
    content = file.read(size * (SAMPLE + 1))
    return islice(
        (content[start : start + size] for start in range(len(content) - size) if start % size), SAMPLE * size
    )


def _put_into_force(session: Session, package: _Package, version: ListVersion, before: ListVersion | None) -> None:
    # Nearly all endpoints are looked up before the lock is asked for, the few that came meanwhile afterwards.
    for _round in range(2):
        newest = newest_endpoint(session)
        match_endpoints(session, version_id=version.id, spec=package.spec, after=version.matched_up_to, up_to=newest)
        session.refresh(version)
    if before is not None:
        session.execute(update(ListVersion).where(ListVersion.id == before.id).values(state=VersionState.REPLACED))
    session.execute(
        update(ListVersion)
        .where(ListVersion.id == version.id)
        .values(state=VersionState.ACTIVE, activated_at=clock.now())
    )
    session.refresh(version)


def _note(session: Session, version: ListVersion, before: ListVersion | None, actor: str) -> None:
    audit.record(
        session,
        actor=actor,
        action="list.import",
        object_type="list_version",
        object_id=version.id,
        list=version.list_id,
        records=version.records,
        records_before=before.records if before else None,
        published_at=version.published_at.isoformat(),
        sha256=version.sha256.hex(),
    )


def _answer(session: Session, version: ListVersion, *, changed: bool) -> Imported:
    hits = session.scalar(select(func.count()).select_from(ListHit).where(ListHit.version_id == version.id))
    return Imported(
        list=version.list_id,
        version=version.id,
        records=version.records,
        published_at=version.published_at,
        sha256=version.sha256.hex(),
        hits=hits or 0,
        changed=changed,
    )
