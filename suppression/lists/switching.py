"""Which version of a list is in force: put a new one there, take it away, or rely on it no longer."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import audit, clock
from core.errors import NotAllowed, NotFound
from core.permissions import Permission
from core.sentences import say
from core.users import Actor
from suppression.lists import records
from suppression.lists.adapter import ListSpec
from suppression.lists.known import spec as spec_of
from suppression.lists.standing import REMOVED
from suppression.models import ListHit, ListVersion, VersionState
from suppression.wide_blocks import hold_gates


def put_into_force(session: Session, version: ListVersion, before: ListVersion | None, *, spec: ListSpec) -> None:
    """Let a loaded and matched version count, and the one before no more.

    What changed is counted while both are there. The records of the one before go where the spec says so, because they
    are data of people who have nothing to do with us; hits and counts stay as evidence, unless the operator allows no
    keeping of hits.
    """
    if before is not None:
        gained, lost = records.compare_hits(session, before=before.id, after=version.id)
        version.replaces, version.changes = before.id, {"hits_gained": gained, "hits_lost": lost}
        if not spec.keep_superseded:
            if counted := records.compare(session, before=before.id, after=version.id):
                version.changes = {**version.changes, "added": counted[0], "removed": counted[1]}
            records.forget(session, version_id=before.id)
        if not spec.keeps_hits:
            session.execute(delete(ListHit).where(ListHit.version_id == before.id))
        before.state = VersionState.REPLACED
        # One version is in force at any moment, and the database insists on it.
        session.flush()
    # A gate that is deciding by the version before ends first; from the commit on each one decides by this version.
    hold_gates(session)
    version.state, version.activated_at = VersionState.ACTIVE, clock.now()
    session.flush()


def remove(session: Session, *, list_id: str, actor: Actor, reason: str) -> int:
    """Take the version in force away. The list is missing then, and holds everybody whom it concerns."""
    version = _in_force(session, list_id, actor, reason)
    version.state = VersionState.REMOVED
    if not spec_of(list_id).keep_superseded:
        records.forget(session, version_id=version.id)
    _note(session, version, actor, reason, REMOVED)
    return version.id


def expire(session: Session, *, list_id: str, actor: Actor, reason: str) -> int:
    """Treat the version in force as too old from now on, whatever its age."""
    version = _in_force(session, list_id, actor, reason)
    version.expired_at = version.expired_at or clock.now()
    _note(session, version, actor, reason, "list.expire")
    return version.id


def _in_force(session: Session, list_id: str, actor: Actor, reason: str) -> ListVersion:
    actor.require(Permission.EDIT_SUPPRESSION)
    if not reason.strip():
        raise NotAllowed("reason_needed", say("A list is taken out of use for a reason only."), say("Write down why."))
    spec_of(list_id)
    version = session.scalar(
        select(ListVersion)
        .where(ListVersion.list_id == list_id, ListVersion.state == VersionState.ACTIVE)
        .with_for_update()
    )
    if version is None:
        raise NotFound("list_missing", say("There is no version of %(list)s in force.", list=list_id))
    return version


def _note(session: Session, version: ListVersion, actor: Actor, reason: str, action: str) -> None:
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action=action,
        object_type="list_version",
        object_id=version.id,
        reason=reason.strip(),
        list=version.list_id,
        records=version.records,
    )
    session.flush()
