"""The policies as the database reads them: one line for each country and kind of people, with moments, not months."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contacts.models import Kind
from suppression.lists.standing import RequiredVersion
from suppression.policy import ELSEWHERE, UNKNOWN, Needs, Policy
from suppression.rule_settings import RuleSettings, months_before


@dataclass(frozen=True)
class PolicyLine:
    """What holds for these people at one moment. `country` may be `ELSEWHERE` or `UNKNOWN`.

    A consent confirmed or used after `fresh_after` is fresh, before `lapsed_before` it is lapsed; an order since
    `customer_since` makes a customer, and where that is absent nothing does.
    """

    policy: int
    country: str
    kind: str
    fresh_after: datetime
    lapsed_before: datetime
    customer_since: datetime | None
    no_consent_needed: bool
    list_outdated: bool


def policy_lines(
    settings: RuleSettings, *, sender: str, channel: str, lists: Sequence[RequiredVersion], as_of: datetime
) -> tuple[PolicyLine, ...]:
    """A line for each country with rows of its own, for all others, and for people whose country nobody knows."""
    countries = sorted({ELSEWHERE, UNKNOWN} | {row.country for row in settings.policies} | _concerned(lists))
    found = [
        (country, kind, settings.policy_for(country=country, sender=sender, channel=channel, kind=kind, on=as_of))
        for country in countries
        for kind in Kind
    ]
    return tuple(
        _line(number, country, kind, law, settings, lists=lists, as_of=as_of)
        for number, (country, kind, law) in enumerate(found)
    )


def _concerned(lists: Sequence[RequiredVersion]) -> set[str]:
    return {country for found in lists for country in found.concerned}


def _line(
    number: int,
    country: str,
    kind: Kind,
    law: Policy,
    settings: RuleSettings,
    *,
    lists: Sequence[RequiredVersion],
    as_of: datetime,
) -> PolicyLine:
    stale = _least(law.stale_after_months, settings.stale_after_months)
    lapsed = _least(law.lapsed_after_months, settings.lapsed_after_months)
    customer = _least(law.customer_months, settings.customer_months)
    return PolicyLine(
        policy=number,
        country=country,
        kind=kind.value,
        fresh_after=months_before(as_of, min(stale, lapsed)),
        lapsed_before=months_before(as_of, lapsed),
        customer_since=months_before(as_of, customer) if law.customers else None,
        no_consent_needed=law.needs is Needs.NO_OBJECTION,
        list_outdated=any(found.outdated and country in found.concerned for found in lists),
    )


def _least(law: int | None, own: int) -> int:
    return own if law is None else min(law, own)
