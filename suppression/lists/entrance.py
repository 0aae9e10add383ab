"""What stands between a file and its coming into force: who answers for it, and whether it can be the whole list."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import NotAllowed, WrongInput
from core.sentences import Count, say
from core.users import Actor
from suppression.lists import records
from suppression.lists.adapter import Contents, ListSpec, empty
from suppression.models import ListVersion

# A list that lost more than a fifth of its entries was probably cut off. Short lists may change as they like.
LEAST_SHARE, LEAST_RECORDS = 0.8, 100


@dataclass(frozen=True)
class Approval:
    """Somebody of compliance who answers for a version that would be refused otherwise, and why.

    `shrunk`: also when more than a fifth of the records is gone.
    """

    actor: Actor
    reason: str
    shrunk: bool = False


@dataclass(frozen=True)
class Package:
    """A file and what is known about it. `told`: called now and then with the records stored so far."""

    path: Path
    spec: ListSpec
    contents: Contents
    sha256: bytes
    published_at: datetime | None
    actor: str
    note: str | None
    expected: int | None = None
    approval: Approval | None = None
    told: Callable[[int], None] = field(default=lambda _records: None)

    @property
    def reason(self) -> str | None:
        """Why it comes into force, as compliance wrote it."""
        return (self.approval.reason.strip() or None) if self.approval else None


def require_reason(session: Session, package: Package) -> None:
    """Compliance says why, whenever the list had a version before: in force, replaced or taken away."""
    if package.reason:
        return
    ever = select(ListVersion.id).where(ListVersion.list_id == package.spec.id, ListVersion.activated_at.is_not(None))
    if session.scalar(ever.limit(1)) is not None:
        raise NotAllowed(
            "reason_needed",
            say("Only compliance replaces a version of a list, and for a reason only."),
            say("Somebody of compliance writes down why: in the form, or with --as U --reason R."),
            "reason",
        )


def refuse_damaged(session: Session, package: Package, version: ListVersion, before: ListVersion | None) -> None:
    """Refuse what can be read and still cannot be the whole list."""
    if not version.records:
        raise empty(package.path)
    if package.expected is not None and package.expected != version.records:
        raise _not_whole(
            package, say("It has %(found)s records, not %(wanted)s.", found=Count(version.records),
                         wanted=Count(package.expected))
        )  # fmt: skip
    _find_canary(session, package, version)
    if before is None:
        return
    forbidden = package.spec.forbidden(package.path) if package.spec.forbidden else ()
    if forbidden and records.count_named(session, version_id=before.id, digests=forbidden):
        raise _not_whole(package, say("The records in the file are shifted: bytes were lost or added on its way."))
    shrunk = before.records >= LEAST_RECORDS and version.records < LEAST_SHARE * before.records
    if shrunk and not (package.approval and package.approval.shrunk):
        raise NotAllowed(
            "list_shrunk",
            say(
                "The file has %(found)s records, the list in force has %(before)s: more than a fifth is gone.",
                found=Count(version.records),
                before=Count(before.records),
            ),
            say("If the operator confirms it, say in the form that this is right, or add --shrunk."),
            str(package.path),
        )


def _find_canary(session: Session, package: Package, version: ListVersion) -> None:
    for rule, digest in package.contents.canary.items():
        if records.count_named(session, version_id=version.id, digests=[digest]):
            version.reading = {**version.reading, "rule": rule}
            return
    if package.contents.canary:
        raise _not_whole(package, say("The address that is known to be on it is not found by any rule."))


def _not_whole(package: Package, why: str) -> WrongInput:
    return WrongInput(
        "list_broken", why, say("Fetch it again, in binary mode; the list in force stays."), str(package.path)
    )
