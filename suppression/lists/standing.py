"""Which version of each list is in force, how old it is, and whether that is too old."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import clock
from suppression.lists.known import LISTS
from suppression.models import ListHit, ListVersion, VersionState
from suppression.rule_sets import current
from suppression.rule_settings import RequiredList, RuleSettings


class Freshness(StrEnum):
    """Whether a list can be relied on."""

    FRESH = "fresh"
    OUTDATED = "outdated"
    MISSING = "missing"


@dataclass(frozen=True)
class RequiredVersion:
    """A list that must be asked, and its version in force; None when there is none."""

    list_id: str
    version_id: int | None
    outdated: bool
    concerned: tuple[str, ...]


@dataclass(frozen=True)
class ListStatus:
    """One list as it stands: what `crusoe lists status` shows."""

    list: str
    operator: str
    version: int | None
    records: int
    published_at: datetime | None
    age_days: int | None
    max_age_days: int
    state: Freshness
    hits: int


def is_outdated(published_at: datetime | None, *, max_age_days: int, as_of: datetime) -> bool:
    """Whether a list published then is missing or too old now. The age runs from publication, not from the import."""
    return published_at is None or as_of - published_at > timedelta(days=max_age_days)


def required_versions(
    session: Session, settings: RuleSettings, *, channel: str, as_of: datetime, known_by: datetime | None = None
) -> tuple[RequiredVersion, ...]:
    """The lists that must be asked on this channel, with the versions in force now, or at the moment `known_by`.

    A list that the settings require and nothing here can read counts as missing, on every channel.
    """
    versions = _active(session) if known_by is None else _then(session, known_by)
    active = {version.list_id: version for version in versions}
    return tuple(
        _required(found, active.get(found.list_id), as_of=as_of)
        for found in settings.lists_for(channel, on=as_of.date())
        if found.list_id not in LISTS or channel in LISTS[found.list_id].channels
    )


def _required(required: RequiredList, version: ListVersion | None, *, as_of: datetime) -> RequiredVersion:
    published = version.published_at if version else None
    return RequiredVersion(
        list_id=required.list_id,
        version_id=version.id if version else None,
        outdated=is_outdated(published, max_age_days=required.max_age_days, as_of=as_of),
        concerned=required.concerned,
    )


def status(session: Session, *, as_of: datetime | None = None) -> list[ListStatus]:
    """Every list that can be read or must be asked, and whether it can be relied on."""
    moment = as_of or clock.now()
    settings = current(session).settings
    required = {
        found.list_id: found.max_age_days
        for channel in settings.channels
        for found in settings.lists_for(channel, on=moment.date())
        if found.unknown_country or not set(found.countries).isdisjoint(settings.markets)
    }
    active = {version.list_id: version for version in _active(session)}
    counted = select(ListHit.version_id, func.count()).group_by(ListHit.version_id)
    hits = {row[0]: row[1] for row in session.execute(counted)}
    return [
        _status(
            list_id,
            active.get(list_id),
            max_age_days=required.get(list_id) or LISTS[list_id].max_age_days,
            hits=hits,
            moment=moment,
        )
        for list_id in sorted({*LISTS, *required})
    ]


def _status(
    list_id: str, version: ListVersion | None, *, max_age_days: int, hits: dict[int, int], moment: datetime
) -> ListStatus:
    published = version.published_at if version else None
    outdated = is_outdated(published, max_age_days=max_age_days, as_of=moment)
    freshness = Freshness.MISSING if version is None else Freshness.OUTDATED if outdated else Freshness.FRESH
    return ListStatus(
        list=list_id,
        operator=LISTS[list_id].operator if list_id in LISTS else "",
        version=version.id if version else None,
        records=version.records if version else 0,
        published_at=published,
        age_days=(moment - published).days if published else None,
        max_age_days=max_age_days,
        state=freshness,
        hits=hits.get(version.id, 0) if version else 0,
    )


def _then(session: Session, moment: datetime) -> list[ListVersion]:
    """The version of each list that was in force at a moment of the past."""
    newest_first = select(ListVersion).where(ListVersion.activated_at <= moment).order_by(ListVersion.activated_at)
    return list({version.list_id: version for version in session.scalars(newest_first)}.values())


def _active(session: Session) -> list[ListVersion]:
    return list(session.scalars(select(ListVersion).where(ListVersion.state == VersionState.ACTIVE)))
