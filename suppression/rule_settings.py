"""The numbers, lists and rows of law that the rules work with: data, versioned, never changed in place."""

import json
from calendar import monthrange
from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Annotated

from pydantic import Field, model_validator

from contacts.models import Channel
from suppression.calling_hours import WrittenHours, days_there, is_quiet, zones_of
from suppression.policies import shipped
from suppression.policy import UNKNOWN, Policy, PolicyRow, Strict, policy
from suppression.public_holidays import holidays_between

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class RequiredList(Strict):
    """A do-not-contact list that must be asked for people in some countries, and how old it may be.

    `unknown_country`: it is asked for people whose country is not known, too. The age counts from publication.
    """

    list_id: str
    countries: tuple[Country, ...]
    unknown_country: bool = True
    max_age_days: int = Field(30, ge=1)

    @property
    def concerned(self) -> tuple[str, ...]:
        """The countries it is asked for; an empty one stands for unknown."""
        return (*self.countries, UNKNOWN) if self.unknown_country else self.countries


class Cap(Strict):
    """At most so many messages in so many days to one person on one channel.

    Without a purpose, of all advertising together; without channels or countries, on every channel, everywhere.
    """

    messages: int = Field(ge=1)
    days: int = Field(ge=1, le=366)
    purpose: str | None = None
    channels: tuple[Channel, ...] = ()
    countries: tuple[Country, ...] = ()

    def concerns(self, *, channel: str, purpose: str) -> bool:
        """Whether it limits messages for this purpose on this channel."""
        return self.purpose in {None, purpose} and (not self.channels or channel in self.channels)


class OwnHours(Strict):
    """When the company itself wants people to be reached on some channels, by the clocks where they live."""

    channels: tuple[Channel, ...] = Field(min_length=1)
    hours: tuple[WrittenHours, ...] = Field(min_length=1)


class SimilarGoods(Strict):
    """What a customer must have bought to get advertising about a topic: categories of orders (§ 7(3) no. 2 UWG)."""

    topic: Annotated[str, Field(min_length=1)]
    sold: tuple[str, ...] = Field(min_length=1)


class RoleAccounts(StrEnum):
    """What becomes of advertising to info@ and the like where nobody confirmed an opt-in for it."""

    HOLD = "hold"
    SEND = "send"


class RuleSettings(Strict):
    """What a company may decide about the rules, and the rows of law it goes by.

    The defaults are the cautious reading of German and Austrian law. `markets`: where the company does business; people
    of unknown country get the strictest answer of all of them. `required_lists` stands for what the rows of law ask for
    on every channel; without it, the lists of the rows are asked. `channels`: where the company advertises, so that the
    lists which those channels need are watched for their age; asking about another channel works all the same.
    `similar`: as soon as anything stands there, the exception for customers holds for these topics and goods only.
    """

    stale_after_months: int = Field(18, ge=1)
    lapsed_after_months: int = Field(24, ge=1)
    customer_months: int = Field(24, ge=1)
    markets: tuple[Country, ...] = ("AT", "CH", "DE")
    channels: tuple[Channel, ...] = (Channel.EMAIL,)
    role_accounts: RoleAccounts = RoleAccounts.HOLD
    required_lists: tuple[RequiredList, ...] | None = None
    caps: tuple[Cap, ...] = ()
    hours: tuple[OwnHours, ...] = ()
    similar: tuple[SimilarGoods, ...] = ()
    policies: tuple[PolicyRow, ...] = Field(default_factory=shipped)

    @model_validator(mode="after")
    def _stale_comes_first(self) -> "RuleSettings":
        if self.lapsed_after_months < self.stale_after_months:
            raise ValueError("lapsed_after_months must not be smaller than stale_after_months")
        named = [required.list_id for required in self.required_lists or ()]
        if len(set(named)) < len(named):
            raise ValueError("a list is named twice in required_lists")
        return self

    @property
    def digest(self) -> bytes:
        """SHA-256 of the settings in one spelling."""
        return sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).digest()

    def policy_for(self, *, country: str, sender: str, channel: str, kind: str, on: datetime) -> Policy:
        """What the law asks for: see `suppression.policy.policy`."""
        asked = (country, sender, channel, kind, on.date())
        if asked not in self._answered:
            self._answered[asked] = policy(
                self.policies,
                recipient=country,
                sender=sender,
                channel=channel,
                kind=kind,
                on=on.date(),
                markets=self.markets,
            )
        return self._answered[asked]

    # Settings are read once and asked for each batch of messages.
    @cached_property
    def _answered(self) -> dict[tuple[str, str, str, str, date], Policy]:
        return {}

    def sold_for(self, topic: str | None) -> tuple[str, ...] | None:
        """The categories of goods whose buyers are customers for this topic; None where all goods are."""
        if not self.similar:
            return None
        return tuple(category for one in self.similar if one.topic == topic for category in one.sold)

    def is_quiet(self, law: Policy, *, country: str, sender: str, channel: str, at: datetime) -> bool:
        """Whether people in a country must not be reached now, by the law or by the company's own hours.

        Whose country nobody knows may live in any market; of a country without zones the sender's clocks are asked. A
        law means its own public holidays, wherever the person lives.
        """
        places = self.markets if country == UNKNOWN else (country,)
        zones = tuple(zone for place in places for zone in zones_of(place)) or zones_of(sender) or ("UTC",)
        days = days_there(zones, at=at)
        closed = self.closed_days(law, first=min(days), last=max(days))
        return is_quiet(self.hours_for(law, channel=channel), zones=zones, at=at, closed=closed)

    def closed_days(self, law: Policy, *, first: date, last: date) -> tuple[date, ...]:
        """The public holidays on which nobody may be called, from one day to another, both included."""
        return holidays_between(law.closed_on, first=first, last=last)

    def hours_for(self, law: Policy, *, channel: str) -> tuple[tuple[str, ...], ...]:
        """The sets of hours that all have to cover the moment at which somebody is reached on a channel."""
        return (*law.hours, *(one.hours for one in self.hours if channel in one.channels))

    def rows_in(self, countries: Collection[str]) -> tuple[PolicyRow, ...]:
        """The rows of law of these countries."""
        return tuple(row for row in self.policies if row.country in countries)

    def lists_for(self, channel: str, *, on: date) -> tuple[RequiredList, ...]:
        """The lists that must be asked on a channel: those of the company's choice, or those of the rows of law."""
        if self.required_lists is not None:
            return self.required_lists
        duties: dict[str, tuple[list[str], int]] = {}
        for row in self.policies:
            if channel in row.channels and any(
                row.holds(country=row.country, channel=channel, kind=kind, on=on) for kind in row.kinds
            ):
                for duty in row.lists:
                    countries, age = duties.get(duty.list_id, ([], duty.max_age_days))
                    duties[duty.list_id] = ([*countries, row.country], min(age, duty.max_age_days))
        return tuple(
            RequiredList(
                list_id=list_id,
                countries=tuple(dict.fromkeys(countries)),
                unknown_country=not set(countries).isdisjoint(self.markets),
                max_age_days=age,
            )
            for list_id, (countries, age) in duties.items()
        )


def months_before(moment: datetime, months: int) -> datetime:
    """The same day so many calendar months earlier, or the last day of that month when it is shorter."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))
