"""Which version of each list is in force, how old it is, and whether that is too old."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core import clock
from core.audit import AuditEvent
from suppression.facts import Basis, Listing
from suppression.lists.known import LISTS
from suppression.models import ListHit, ListVersion, VersionState
from suppression.rule_sets import current
from suppression.rule_settings import RequiredList, RuleSettings

# A list is due when a fifth of its time is left, a day at least and a week at most.
DUE_SHARE, LEAST_NOTICE, MOST_NOTICE = 5, timedelta(days=1), timedelta(days=7)

# What the audit log says of a version that was taken away.
REMOVED = "list.remove"

# Somebody in a country that the list is asked for, on its channels, about whom its service was not asked yet.
_UNASKED = text(
    "SELECT EXISTS (SELECT FROM endpoint AS e JOIN contact AS c ON c.id = e.contact_id"
    " WHERE e.channel = ANY (:channels) AND coalesce(c.country, '') = ANY (:concerned)"
    " AND NOT EXISTS (SELECT FROM list_asked AS a WHERE a.version_id = :version AND a.address_id = e.address_id))"
)


class Freshness(StrEnum):
    """Whether a list can be relied on; `due`: still, but not for long."""

    FRESH = "fresh"
    DUE = "due"
    OUTDATED = "outdated"
    MISSING = "missing"


@dataclass(frozen=True)
class RequiredVersion:
    """A list that must be asked, and its version in force; None when there is none.

    `takes`: the grounds for writing that a listing takes away; `ends_consents`: also consents older than it.
    `is_asked`: a service, which says something only about people whom it was asked about.
    """

    list_id: str
    version_id: int | None
    outdated: bool
    concerned: tuple[str, ...]
    takes: Listing = Listing.CUSTOMER
    ends_consents: bool = False
    is_asked: bool = False


@dataclass(frozen=True)
class ListStatus:
    """One list as it stands: what `crusoe lists status` shows. `outdated_from`: when it holds, or has begun to."""

    list: str
    operator: str
    version: int | None
    records: int
    published_at: datetime | None
    age_days: int | None
    max_age_days: int
    state: Freshness
    hits: int
    title: str
    country: str
    channels: tuple[str, ...]
    required: bool
    outdated_from: datetime | None


def outdated_from(version: ListVersion, *, max_age_days: int) -> datetime:
    """From when a version cannot be relied on: so long after its publication, or when compliance said so earlier."""
    by_age = version.published_at + timedelta(days=max_age_days)
    return min(by_age, version.expired_at) if version.expired_at else by_age


def freshness(version: ListVersion | None, *, max_age_days: int, as_of: datetime) -> Freshness:
    """How far a version can be relied on."""
    if version is None:
        return Freshness.MISSING
    left = outdated_from(version, max_age_days=max_age_days) - as_of
    if left < timedelta() or (version.expired_at is not None and version.expired_at <= as_of):
        return Freshness.OUTDATED
    notice = min(max(timedelta(days=max_age_days) / DUE_SHARE, LEAST_NOTICE), MOST_NOTICE)
    # What is good for a day is asked each day, and is no matter for notices until it is late.
    return Freshness.DUE if left < notice < timedelta(days=max_age_days) else Freshness.FRESH


def required_versions(
    session: Session, settings: RuleSettings, *, channel: str, as_of: datetime, known_by: datetime | None = None
) -> tuple[RequiredVersion, ...]:
    """The lists that must be asked on this channel, with the versions in force now, or at the moment `known_by`.

    A list that the settings require and nothing here can read counts as missing, on every channel. One that has ended
    by then is asked no more.
    """
    versions = _active(session) if known_by is None else _then(session, known_by)
    active = {version.list_id: version for version in versions}
    return tuple(
        _required(found, active.get(found.list_id), as_of=as_of, now=known_by is None)
        for found in settings.lists_for(channel, on=as_of.date())
        if found.list_id not in LISTS or LISTS[found.list_id].serves(channel, on=as_of.date())
    )


def _required(required: RequiredList, version: ListVersion | None, *, as_of: datetime, now: bool) -> RequiredVersion:
    state = freshness(version, max_age_days=required.max_age_days, as_of=as_of)
    spec = LISTS.get(required.list_id)
    defeats = spec.defeats if spec else ()
    return RequiredVersion(
        list_id=required.list_id,
        version_id=version.id if version else None,
        outdated=state not in {Freshness.FRESH, Freshness.DUE},
        concerned=required.concerned,
        takes=Listing.INTEREST if spec and Basis.EXISTING_CUSTOMER not in defeats else Listing.CUSTOMER,
        ends_consents=Basis.CONSENT in defeats,
        # About whom it was asked at a moment of the past is not on record with its time.
        is_asked=now and spec is not None and spec.service is not None,
    )


def somebody_unasked(session: Session, version: ListVersion, *, concerned: tuple[str, ...]) -> bool:
    """Whether a list that is asked was not asked about somebody in these countries. Never of a list with a file."""
    spec = LISTS[version.list_id]
    if spec.service is None:
        return False
    values = {"channels": list(spec.channels), "concerned": list(concerned), "version": version.id}
    return bool(session.scalar(_UNASKED, values))


def status(session: Session, *, as_of: datetime | None = None, every: bool = False) -> list[ListStatus]:
    """Every list that must be asked or has a version, and whether it can be relied on. `every`: the others, too."""
    moment = as_of or clock.now()
    required = required_lists(current(session).settings, on=moment)
    active = {version.list_id: version for version in _active(session)}
    counted = select(ListHit.version_id, func.count()).group_by(ListHit.version_id)
    hits = {row[0]: row[1] for row in session.execute(counted)}
    return [
        _status(list_id, active.get(list_id), required=required.get(list_id), hits=hits, moment=moment)
        for list_id in sorted({*(LISTS if every else ()), *active, *required})
    ]


def required_lists(settings: RuleSettings, *, on: datetime) -> dict[str, RequiredList]:
    """The lists that must be asked in the markets and on the channels of the company.

    Of each the strictest age, and everybody whom it concerns on any of the channels.
    """
    required: dict[str, RequiredList] = {}
    for channel in settings.channels:
        for found in settings.lists_for(channel, on=on.date()):
            if found.unknown_country or not set(found.countries).isdisjoint(settings.markets):
                known = required.get(found.list_id)
                required[found.list_id] = found if known is None else _both(known, found)
    return required


def _both(one: RequiredList, other: RequiredList) -> RequiredList:
    return RequiredList(
        list_id=one.list_id,
        countries=tuple(dict.fromkeys((*one.countries, *other.countries))),
        unknown_country=one.unknown_country or other.unknown_country,
        max_age_days=min(one.max_age_days, other.max_age_days),
    )


def _status(
    list_id: str,
    version: ListVersion | None,
    *,
    required: RequiredList | None,
    hits: dict[int, int],
    moment: datetime,
) -> ListStatus:
    spec = LISTS.get(list_id)
    max_age_days = required.max_age_days if required else spec.max_age_days if spec else 0
    return ListStatus(
        list=list_id,
        operator=spec.operator if spec else "",
        version=version.id if version else None,
        records=version.records if version else 0,
        published_at=version.published_at if version else None,
        age_days=(moment - version.published_at).days if version else None,
        max_age_days=max_age_days,
        state=freshness(version, max_age_days=max_age_days, as_of=moment),
        hits=hits.get(version.id, 0) if version else 0,
        title=spec.title if spec else "",
        country=spec.country if spec else "",
        channels=spec.channels if spec else (),
        required=required is not None,
        outdated_from=outdated_from(version, max_age_days=max_age_days) if version else None,
    )


def _then(session: Session, moment: datetime) -> list[ListVersion]:
    """The version of each list that was in force at a moment of the past. The audit log tells when one was removed."""
    newest_last = select(ListVersion).where(ListVersion.activated_at <= moment).order_by(ListVersion.activated_at)
    newest = {version.list_id: version for version in session.scalars(newest_last)}
    noted = select(AuditEvent.object_id).where(AuditEvent.action == REMOVED, AuditEvent.at <= moment)
    removed = set(session.scalars(noted))
    return [version for version in newest.values() if str(version.id) not in removed]


def _active(session: Session) -> list[ListVersion]:
    return list(session.scalars(select(ListVersion).where(ListVersion.state == VersionState.ACTIVE)))
