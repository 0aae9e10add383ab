"""The public holidays of a country, as data: those of the whole country.

What a state, a canton or a town keeps besides is left out, because nobody tells us in which of them a person lives.
"""

from collections.abc import Iterable
from datetime import date
from functools import cache


def holidays_between(countries: Iterable[str], *, first: date, last: date) -> tuple[date, ...]:
    """The public holidays of any of these countries from one day to another, both included, in order."""
    asked = [(country, year) for country in countries for year in range(first.year, last.year + 1)]
    days = frozenset[date]().union(*(public_holidays(country, year) for country, year in asked))
    return tuple(sorted(day for day in days if first <= day <= last))


@cache
def public_holidays(country: str, year: int) -> frozenset[date]:
    """The public holidays of all of a country in one year, with the days that stand in for one on a weekend."""
    # It takes half a second to load, and only who calls people asks for it.
    import holidays

    return frozenset(holidays.country_holidays(country, years=[year]))
