"""When people may be called: hours of the week as a law or a company writes them, by the clocks where they live.

The days on which nobody may be called come in as data (`suppression.public_holidays`).
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo

from babel.core import get_global
from pydantic import AfterValidator

from core.sentences import say

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_WRITTEN = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? (\d{2}:\d{2})-(\d{2}:\d{2})").fullmatch


@dataclass(frozen=True)
class Hours:
    """Some days of the week, Monday is 0, from one time until another; the last minute is not part of it."""

    days: frozenset[int]
    begin: time
    end: time

    def cover(self, moment: datetime) -> bool:
        """Whether a moment, by the clocks of some place, lies in these hours."""
        return moment.weekday() in self.days and self.begin <= moment.time() < self.end


@cache
def read_hours(words: str) -> Hours:
    """Hours as people write them: `mon-fri 10:00-13:00` or `sat 10:00-18:00`. ValueError when they are none."""
    found = _WRITTEN(words)
    if found is None:
        raise ValueError(say("%(words)s are no hours; write them like mon-fri 10:00-13:00.", words=repr(words)))
    first, last, begin, end = found.groups()
    last = last or first
    if first not in DAYS or last not in DAYS or DAYS.index(last) < DAYS.index(first):
        raise ValueError(say("%(words)s names no days of one week, such as mon-fri.", words=repr(words)))
    hours = Hours(frozenset(range(DAYS.index(first), DAYS.index(last) + 1)), _time(begin), _time(end))
    if hours.end <= hours.begin:
        raise ValueError(say("%(words)s ends before it begins.", words=repr(words)))
    return hours


def _time(words: str) -> time:
    # Midnight as an end is the last moment of the day, not its first.
    return time.max if words == "24:00" else time.fromisoformat(words)


def _valid(words: str) -> str:
    read_hours(words)
    return words


WrittenHours = Annotated[str, AfterValidator(_valid)]


def is_quiet(
    hours: Iterable[Sequence[str]], *, zones: Sequence[str], at: datetime, closed: Collection[date] = frozenset()
) -> bool:
    """Whether nobody may be called now: one of the given sets of hours does not cover the moment in one of the zones.

    Nor on a day that is `closed`, which begins and ends where the person lives. Without any hours and closed days it is
    never quiet. Where nobody knows in which zone a person lives it must be time in all of them.
    """
    moments = [at.astimezone(ZoneInfo(zone)) for zone in zones]
    return any(moment.date() in closed for moment in moments) or any(
        not any(read_hours(words).cover(moment) for words in one) for one in hours if one for moment in moments
    )


def days_there(zones: Iterable[str], *, at: datetime) -> frozenset[date]:
    """The days that a moment belongs to in these zones: two, where it is past midnight in some of them."""
    return frozenset(at.astimezone(ZoneInfo(zone)).date() for zone in zones)


def zones_of(country: str) -> tuple[str, ...]:
    """The time zones of a country (CLDR); none for a code that is no country."""
    return _zones().get(country, ())


@cache
def _zones() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for zone, country in get_global("zone_territories").items():
        found.setdefault(country, []).append(zone)
    return {country: tuple(sorted(zones)) for country, zones in found.items()}
