"""Asking a list about addresses by hand, and what changed between two of its versions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import find_address
from core.errors import NotFound, WrongInput
from core.sentences import say
from suppression.lists import records
from suppression.lists.adapter import Candidate, ListSpec
from suppression.lists.known import spec as spec_of
from suppression.lists.matching import Matcher
from suppression.models import ListAsked, ListHit, ListVersion, VersionState


@dataclass(frozen=True)
class Match:
    """Whether a version names an address. `listed` is None when its service was not asked about it."""

    address: str
    listed: bool | None
    by_domain: bool
    version: int
    published_at: datetime


@dataclass(frozen=True)
class Difference:
    """What changed from one version of a list to another. None: the records of one are gone, and nobody counted."""

    list: str
    before: int
    after: int
    added: int | None
    removed: int | None
    hits_gained: int
    hits_lost: int


def match(session: Session, *, list_id: str, addresses: Sequence[str], country: str | None = None) -> list[Match]:
    """Whether the version in force names these: e-mail addresses, telephone numbers, or people.

    A person is written as `Forename Surname; street and number; postcode town`. Nothing is stored.
    """
    spec = spec_of(list_id)
    version = session.scalar(
        select(ListVersion).where(ListVersion.list_id == list_id, ListVersion.state == VersionState.ACTIVE)
    )
    if version is None:
        raise NotFound("list_missing", say("There is no version of %(list)s in force.", list=list_id))
    if spec.service is not None:
        return [_asked_before(session, version, typed) for typed in addresses]
    found = [_candidate(number, typed, spec, country) for number, typed in enumerate(addresses)]
    listed, by_domain = Matcher(version.id, spec, version.reading).named(session, found)
    return [
        Match(typed, number in listed | by_domain, number in by_domain, version.id, version.published_at)
        for number, typed in enumerate(addresses)
    ]


def _asked_before(session: Session, version: ListVersion, typed: str) -> Match:
    address_id = find_address(session, typed)
    asked = address_id is not None and session.get(ListAsked, (version.id, address_id)) is not None
    listed = asked and session.get(ListHit, (address_id, version.id)) is not None
    return Match(typed, listed if asked else None, by_domain=False, version=version.id,
                 published_at=version.published_at)  # fmt: skip


def _candidate(number: int, typed: str, spec: ListSpec, country: str | None) -> Candidate:
    """What was typed as an endpoint; `number` stands for its id."""
    if "@" in typed and "email" in spec.channels:
        return Candidate(number, typed.strip(), "email", country)
    if ";" in typed and "post" in spec.channels:
        name, _, address = typed.partition(";")
        forename, _, surname = name.strip().rpartition(" ")
        return Candidate(number, address.strip().replace(";", "\n"), "post", country, forename or None, surname)
    if re.search(r"\d{4}", re.sub(r"[\s()/.-]", "", typed)) and {"phone", "sms"} & set(spec.channels):
        return Candidate(number, typed, "phone", country or spec.country or None)
    raise WrongInput(
        "address_not_of_list",
        say("The list %(list)s does not know addresses like %(address)s.", list=spec.id, address=repr(typed)),
        say("It is asked on these channels: %(known)s.", known=", ".join(spec.channels)),
    )


def difference(session: Session, *, list_id: str, before: int, after: int) -> Difference:
    """What changed between two versions of a list, by its records and by our addresses."""
    spec_of(list_id)
    older, newer = (_version(session, list_id, number) for number in (before, after))
    counted = records.compare(session, before=before, after=after)
    if counted is None and newer.replaces == older.id and "added" in newer.changes:
        counted = newer.changes["added"], newer.changes["removed"]
    gained, lost = records.compare_hits(session, before=before, after=after)
    added, removed = counted or (None, None)
    return Difference(list_id, before, after, added, removed, gained, lost)


def _version(session: Session, list_id: str, number: int) -> ListVersion:
    version = session.get(ListVersion, number)
    if version is None or version.list_id != list_id:
        raise NotFound(
            "version_unknown", say("The list %(list)s has no version %(number)s.", list=list_id, number=number)
        )
    return version
