"""When mails of a campaign may leave: hours of the week by some clock, until some day. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import WrongInput
from core.sentences import say
from suppression import WrittenHours, read_hours, zones_of

# By the clocks of those who get the mail.
RECIPIENT = "recipient"
# Where nobody knows better.
USUAL = "Europe/Berlin"
LONGEST_LOOK = 15
# No zone changes its clock at another moment than a whole quarter of an hour.
QUARTER = timedelta(minutes=15)

# In countries with several zones, the one in which most people live. Others have one, or the same hours in all.
MAIN_ZONES = {
    "AR": "America/Argentina/Buenos_Aires",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "FM": "Pacific/Pohnpei",
    "FR": "Europe/Paris",
    "GL": "America/Godthab",
    "ID": "Asia/Jakarta",
    "KI": "Pacific/Tarawa",
    "KZ": "Asia/Almaty",
    "MH": "Pacific/Majuro",
    "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti",
    "PG": "Pacific/Port_Moresby",
    "PS": "Asia/Gaza",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kiev",
    "US": "America/New_York",
    "UZ": "Asia/Tashkent",
}


class Windows(BaseModel):
    """`hours` like `mon-fri 09:00-17:00`; `zone`: `recipient`, or whose clock counts; `home`: for whom nobody knows.

    `field`: the field of contacts that names a time zone, where there is one; else their country tells. After `until`
    nothing more leaves, and what is left ends.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hours: tuple[WrittenHours, ...] = Field(min_length=1, max_length=20)
    zone: str = RECIPIENT
    home: str = USUAL
    field: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{0,62}$")
    until: date | None = None

    @field_validator("zone", "home")
    @classmethod
    def _known(cls, value: str) -> str:
        if value != RECIPIENT and value not in known_zones():
            raise ValueError(f"{value!r} is no time zone, such as Europe/Vienna")
        return value

    def clock_of(self, name: str | None) -> str:
        """The zone whose clock counts for people who live by this one."""
        return (name or self.home) if self.zone == RECIPIENT else self.zone

    def is_open(self, at: datetime, *, zone: str | None) -> bool:
        """Whether mail to people of this zone may leave at this moment."""
        there = at.astimezone(ZoneInfo(self.clock_of(zone)))
        in_time = self.until is None or there.date() <= self.until
        return in_time and any(read_hours(words).cover(there) for words in self.hours)

    def next_open(self, at: datetime, *, zone: str | None) -> datetime | None:
        """The first moment from now on when it may leave; None when no window comes any more."""
        clock = ZoneInfo(self.clock_of(zone))
        if self.is_open(at, zone=zone):
            return at
        today = at.astimezone(clock).date()
        days = [today + timedelta(days=number) for number in range(LONGEST_LOOK)]
        begins = {read_hours(words).begin for words in self.hours}
        starts = [each for day in days for each in _starts(day, begins, clock)]
        found = min((each for each in starts if each > at and self.is_open(each, zone=zone)), default=None)
        return found and found.astimezone(clock)


def _starts(day: date, begins: Iterable[time], clock: ZoneInfo) -> Iterator[datetime]:
    """The moments of a day at which a window may open, in UTC: an hour that comes twice is there twice.

    Where the clock jumps, a window may open at that moment: it began in the hour that was left out or comes again.
    """
    for begin in begins:
        for fold in (0, 1):
            yield datetime.combine(day, begin, clock).replace(fold=fold).astimezone(UTC)
    midnight, next_one = (datetime.combine(day + timedelta(days=number), time(), clock) for number in (0, 1))
    if midnight.utcoffset() != next_one.utcoffset():
        first = datetime.combine(day, time(), UTC) - timedelta(days=1)
        quarters = [first + number * QUARTER for number in range(4 * 24 * 3)]
        for before, after in pairwise(quarters):
            if before.astimezone(clock).utcoffset() != after.astimezone(clock).utcoffset():
                yield after


@cache
def known_zones() -> frozenset[str]:
    """All names of time zones."""
    return frozenset(available_timezones())


def zone_of_country(country: str) -> str | None:
    """The time zone in which most people of a country live; None for a code that is no country."""
    zones = [zone for zone in zones_of(country) if zone in known_zones()]
    main = MAIN_ZONES.get(country)
    return main if main in known_zones() else min(zones, default=None)


def read_windows(document: Mapping[str, Any] | None) -> Windows | None:
    """Windows as they are stored."""
    return Windows.model_validate(document) if document else None


def checked_windows(document: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What somebody wrote, as it is stored: without what is usual. Raises WrongInput with the place."""
    if not document:
        return None
    try:
        return Windows.model_validate(document).model_dump(mode="json", exclude_defaults=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, ("windows", *first["loc"])))
        raise WrongInput(
            "windows", say("%(place)s: %(problem)s.", place=place, problem=first["msg"]), where="windows"
        ) from error
