"""What the law of a country asks for: rows with a source and the dates between which they hold. Pure.

The sender's country and the recipient's are both asked, and the stricter answer counts: a sender is bound by the law
where it sits, and protects people by the law where they live. Somebody whose country is not known gets the strictest
answer of all markets of the company.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contacts.models import Channel, Kind
from suppression.calling_hours import WrittenHours, zones_of

# Countries without a file of their own, and people whose country nobody knows.
ELSEWHERE = "*"
UNKNOWN = ""


class Strict(BaseModel):
    """Data that people write: unknown keys are mistakes, and nothing is changed in place."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Needs(StrEnum):
    """What makes advertising lawful: prior consent, or nothing but that the person did not object."""

    CONSENT = "consent"
    NO_OBJECTION = "no_objection"


class ListDuty(Strict):
    """A do-not-contact list that has to be asked, and how old it may be in days, counted from its publication."""

    list_id: str
    max_age_days: int = Field(ge=1)


class Review(Strict):
    """Who looked at a row as counsel, and when."""

    by: str
    on: date


class PolicyRow(Strict):
    """The law for some channels and kinds of people of one country.

    `customers`: advertising of one's own similar goods needs no consent of a customer who was told of the right to
    object (Art. 13(2) ePrivacy); `customer_months`, `stale_after_months`, `lapsed_after_months`: where the law or its
    courts name a number; the company's own setting counts where they do not. `inquiry_months`: for so long an inquiry
    makes a customer, where the law takes it for a business relationship; absent, never. `hours`: when people may be
    called, by the clocks where they live; absent, always. `closed_on_holidays`: never on public holidays of this whole
    country. `reviewed` is empty until counsel looked.
    """

    country: Annotated[str, Field(pattern=r"^([A-Z]{2}|\*)$")]
    channels: tuple[Channel, ...] = Field(min_length=1)
    kinds: tuple[Kind, ...] = (Kind.B2C, Kind.B2B)
    needs: Needs
    customers: bool = False
    customer_months: int | None = Field(None, ge=1)
    inquiry_months: int | None = Field(None, ge=1)
    stale_after_months: int | None = Field(None, ge=1)
    lapsed_after_months: int | None = Field(None, ge=1)
    lists: tuple[ListDuty, ...] = ()
    hours: tuple[WrittenHours, ...] = ()
    closed_on_holidays: bool = False
    valid_from: date
    valid_to: date | None = None
    source: str = Field(min_length=3)
    reviewed: Review | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "PolicyRow":
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("valid_to must lie after valid_from")
        for name in ("customer_months", "inquiry_months"):
            if getattr(self, name) is not None and not self.customers:
                raise ValueError(f"{name} needs customers: true")
        if self.closed_on_holidays and not zones_of(self.country):
            raise ValueError("closed_on_holidays needs a country whose public holidays are known")
        return self

    def holds(self, *, country: str, channel: str, kind: str, on: date) -> bool:
        """Whether this row is the law for these people on this day. The last day is `valid_to` minus one."""
        return (
            self.country == country
            and channel in self.channels
            and kind in self.kinds
            and self.valid_from <= on
            and (self.valid_to is None or on < self.valid_to)
        )


@dataclass(frozen=True)
class Policy:
    """What holds for one kind of people on one channel after all rows were weighed; `rows` are those it comes from.

    Absent months: no law names any, so the company decides; without `inquiry_months` an inquiry makes no customer. A
    call must lie inside one of each set of `hours`, and on no public holiday of the countries in `closed_on`.
    """

    needs: Needs = Needs.CONSENT
    customers: bool = False
    customer_months: int | None = None
    inquiry_months: int | None = None
    stale_after_months: int | None = None
    lapsed_after_months: int | None = None
    hours: tuple[tuple[str, ...], ...] = ()
    closed_on: frozenset[str] = frozenset()
    rows: tuple[PolicyRow, ...] = ()


def strictest(policies: Iterable[Policy]) -> Policy:
    """The policy that is at least as strict as each of these. Without any, consent is needed and nothing else helps."""
    found = list(policies)
    if not found:
        return Policy()
    return Policy(
        needs=Needs.CONSENT if any(one.needs is Needs.CONSENT for one in found) else Needs.NO_OBJECTION,
        # Where no consent is needed, being a customer is nothing to fall back on, and not having to is no strictness.
        customers=all(one.customers or one.needs is Needs.NO_OBJECTION for one in found),
        customer_months=_least(one.customer_months for one in found),
        inquiry_months=_inquiries(found),
        stale_after_months=_least(one.stale_after_months for one in found),
        lapsed_after_months=_least(one.lapsed_after_months for one in found),
        hours=tuple(dict.fromkeys(hours for one in found for hours in one.hours)),
        closed_on=frozenset(country for one in found for country in one.closed_on),
        rows=tuple(dict.fromkeys(row for one in found for row in one.rows)),
    )


def _inquiries(found: Iterable[Policy]) -> int | None:
    """For how long an inquiry counts: where consent is needed each law must say so, else it does not count at all."""
    months = [one.inquiry_months for one in found if one.needs is Needs.CONSENT or one.inquiry_months is not None]
    return None if None in months else _least(months)


def _least(months: Iterable[int | None]) -> int | None:
    return min((one for one in months if one is not None), default=None)


def law_of(rows: Sequence[PolicyRow], *, country: str, channel: str, kind: str, on: date) -> Policy:
    """The law of one country; of a country without rows for this channel, what holds elsewhere."""
    found = [row for row in rows if row.holds(country=country, channel=channel, kind=kind, on=on)]
    if not found and country != ELSEWHERE:
        return law_of(rows, country=ELSEWHERE, channel=channel, kind=kind, on=on)
    return strictest(_alone(row) for row in found)


def _alone(row: PolicyRow) -> Policy:
    return Policy(
        needs=row.needs,
        customers=row.customers,
        customer_months=row.customer_months,
        inquiry_months=row.inquiry_months,
        stale_after_months=row.stale_after_months,
        lapsed_after_months=row.lapsed_after_months,
        hours=(row.hours,) if row.hours else (),
        closed_on=frozenset({row.country}) if row.closed_on_holidays else frozenset(),
        rows=(row,),
    )


def policy(
    rows: Sequence[PolicyRow], *, recipient: str, sender: str, channel: str, kind: str, on: date, markets: Sequence[str]
) -> Policy:
    """What holds for a recipient in one country, written to from another. `recipient` is `UNKNOWN` or a country."""
    where = (*markets, ELSEWHERE) if recipient == UNKNOWN else (recipient,)
    return strictest(
        law_of(rows, country=country, channel=channel, kind=kind, on=on) for country in dict.fromkeys((*where, sender))
    )
