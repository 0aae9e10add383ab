"""Bringing a new version of a list into force: checked first, loaded beside the old one, switched at once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core import audit, clock
from core.db import transaction
from core.errors import NotAllowed, WrongInput
from core.permissions import Permission
from core.sentences import say
from suppression.lists import records
from suppression.lists.adapter import ListSpec, Options, unreadable, wrong_option
from suppression.lists.entrance import Approval, Package, refuse_damaged, require_reason
from suppression.lists.known import spec as spec_of
from suppression.lists.matching import match_endpoints, newest_endpoint
from suppression.lists.switching import put_into_force
from suppression.models import ListHit, ListVersion, VersionState

READ = 1 << 20


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


def import_list(
    *,
    path: Path,
    list_id: str,
    published_at: datetime | None = None,
    actor: str,
    note: str | None = None,
    options: Options | None = None,
    expected: int | None = None,
    approval: Approval | None = None,
    told: Callable[[int], None] = lambda _records: None,
) -> Imported:
    """Load a file as the new version of a list and put it into force, in one transaction of its own.

    Whatever is wrong with the file, nothing changes and the answer says what. `published_at` is when the operator
    published it: the age of the list runs from there; without it, from the day that the file tells, or now. `options`:
    how the file is written, by the names in the list's spec. `expected`: so many records must be in it. Only the very
    first version of a list needs no `approval`. The version before is kept as evidence.
    """
    if approval is not None:
        approval.actor.require(Permission.EDIT_SUPPRESSION)
    package = _check(
        path, spec_of(list_id), published_at, options or {},
        actor=actor, note=note, expected=expected, approval=approval, told=told,
    )  # fmt: skip
    with transaction() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"list:{list_id}"})
        before = session.scalar(
            select(ListVersion).where(ListVersion.list_id == list_id, ListVersion.state == VersionState.ACTIVE)
        )
        if before is not None and _is_same(package, before):
            return _answer(session, before, changed=False)
        require_reason(session, package)
        version = _load(session, package, before)
        refuse_damaged(session, package, version, before)
        _match(session, package, version)
        put_into_force(session, version, before, spec=package.spec)
        _note(session, package, version, before)
        return _answer(session, version, changed=True)


def _check(path: Path, spec: ListSpec, published_at: datetime | None, options: Options, **rest: object) -> Package:
    if spec.valid_to is not None and spec.valid_to <= clock.now().date():
        raise NotAllowed(
            "list_ended",
            say(
                "%(list)s ended on %(day)s; its operator keeps it no more.",
                list=spec.title,
                day=spec.valid_to.isoformat(),
            ),
            say("Nobody has to be asked any more; see the rows of law for what holds instead."),
        )
    if published_at is not None and clock.require_aware(published_at) > clock.now() + timedelta(days=1):
        raise WrongInput(
            "published_in_future",
            say("%(time)s lies in the future.", time=published_at.isoformat()),
            say("Correct the date."),
        )
    if spec.read is None:
        raise NotAllowed(
            "list_is_asked",
            say("The list %(list)s is asked, it has no file.", list=spec.id),
            say("Use: crusoe lists check %(list)s", list=spec.id),
        )
    if wrong := sorted(options.keys() - spec.options.keys()):
        known = ", ".join(spec.options) or "–"
        raise wrong_option(wrong[0], say("This list has no such option."), say("There are: %(known)s.", known=known))
    digest = _digest_of(path)
    contents = spec.read(path, options)
    return Package(path, spec, contents, digest, published_at or contents.published_at, **rest)  # type: ignore[arg-type]


def _digest_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            digest = sha256()
            while block := file.read(READ):
                digest.update(block)
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.digest()


def _is_same(package: Package, before: ListVersion) -> bool:
    same_date = package.published_at in {None, before.published_at}
    return before.sha256 == package.sha256 and same_date and before.expired_at is None


def _load(session: Session, package: Package, before: ListVersion | None) -> ListVersion:
    contents = package.contents
    version = ListVersion(
        list_id=package.spec.id,
        state=VersionState.LOADING,
        published_at=package.published_at or clock.now(),
        records=0,
        sha256=package.sha256,
        fetched_by=package.actor,
        source_note=package.note,
        reason=package.reason,
        reading=dict(contents.reading),
    )
    session.add(version)
    session.flush()
    if contents.changes and before is None:
        raise NotAllowed(
            "list_base_missing",
            say("The file only says what changed, and there is no version that it could change."),
            say("Import a full list first."),
        )
    version.records = records.store(
        session,
        version_id=version.id,
        size=package.spec.digest_size,
        blocks=contents.blocks,
        base=before.id if before and contents.changes else None,
        dropped=contents.dropped,
        told=package.told,
    )
    if _digest_of(package.path) != package.sha256:
        raise WrongInput(
            "list_changed", say("The file changed while it was read."), say("Import it again."), str(package.path)
        )
    return version


def _match(session: Session, package: Package, version: ListVersion) -> None:
    # Nearly all endpoints are looked up before the lock is asked for, the few that came meanwhile afterwards.
    session.flush()
    for _round in range(2):
        match_endpoints(session, version=version, spec=package.spec, up_to=newest_endpoint(session))
        session.refresh(version)


def _note(session: Session, package: Package, version: ListVersion, before: ListVersion | None) -> None:
    approval = package.approval
    audit.record(
        session,
        actor=approval.actor.email if approval else package.actor,
        user_id=approval.actor.id if approval else None,
        action="list.import",
        object_type="list_version",
        object_id=version.id,
        reason=package.reason,
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
