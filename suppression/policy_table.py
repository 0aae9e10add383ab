"""The policies as the database reads them: one line for each country and kind of people, with moments, not months."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contacts.models import Kind
from suppression.lists.standing import RequiredVersion
from suppression.policy import ELSEWHERE, UNKNOWN, Needs
from suppression.rule_settings import RuleSettings, months_before


@dataclass(frozen=True)
class PolicyLine:
    """What holds for these people at one moment. `country` may be `ELSEWHERE` or `UNKNOWN`.

    A consent confirmed or used after `fresh_after` is fresh, before `lapsed_before` it is lapsed; an order since
    `customer_since` makes a customer, and an inquiry since `inquired_since`; where they are absent nothing does.
    """

    policy: int
    country: str
    kind: str
    fresh_after: datetime
    lapsed_before: datetime
    customer_since: datetime | None
    inquired_since: datetime | None
    no_consent_needed: bool
    list_outdated: bool
    quiet: bool


@dataclass(frozen=True)
class Weighing:
    """By which settings and list versions, for which sender and channel, about which moment policies are weighed.

    `at_once`: people would be reached at that very moment, so it matters whether it is time.
    """

    settings: RuleSettings
    sender: str
    channel: str
    lists: Sequence[RequiredVersion]
    as_of: datetime
    at_once: bool = False


def policy_lines(asked: Weighing) -> tuple[PolicyLine, ...]:
    """A line for each country with rows of its own, for all others, and for people whose country nobody knows."""
    named = {row.country for row in asked.settings.policies} | _concerned(asked.lists)
    kinds = [(country, kind) for country in sorted({ELSEWHERE, UNKNOWN} | named) for kind in Kind]
    return tuple(_line(number, country, kind, asked) for number, (country, kind) in enumerate(kinds))


def _concerned(lists: Sequence[RequiredVersion]) -> set[str]:
    return {country for found in lists for country in found.concerned}


def _line(number: int, country: str, kind: Kind, asked: Weighing) -> PolicyLine:
    own, as_of = asked.settings, asked.as_of
    sides = {"country": country, "sender": asked.sender, "channel": asked.channel}
    law = own.policy_for(**sides, kind=kind, on=as_of)
    stale = _least(law.stale_after_months, own.stale_after_months)
    lapsed = _least(law.lapsed_after_months, own.lapsed_after_months)
    customer = _least(law.customer_months, own.customer_months)
    inquiry = law.inquiry_months if law.customers else None
    return PolicyLine(
        policy=number,
        country=country,
        kind=kind.value,
        fresh_after=months_before(as_of, min(stale, lapsed)),
        lapsed_before=months_before(as_of, lapsed),
        customer_since=months_before(as_of, customer) if law.customers else None,
        inquired_since=months_before(as_of, inquiry) if inquiry else None,
        no_consent_needed=law.needs is Needs.NO_OBJECTION,
        list_outdated=any(found.outdated and country in found.concerned for found in asked.lists),
        quiet=asked.at_once and own.is_quiet(law, **sides, at=as_of),
    )


def _least(law: int | None, own: int) -> int:
    return own if law is None else min(law, own)
