"""When people may be called: as it is written, and by which clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suppression import RuleSettings
from suppression.calling_hours import days_there, is_quiet, read_hours, zones_of
from suppression.policies import shipped
from suppression.policy import UNKNOWN, PolicyRow
from suppression.public_holidays import holidays_between, public_holidays
from suppression.rule_settings import OwnHours

SUNDAY_NOON = datetime(2026, 9, 6, 12, tzinfo=UTC)
MONDAY = datetime(2026, 9, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("country", "hour", "quiet"),
    [
        # Paris is two hours ahead in summer: calls from 10 to 13 and from 14 to 20.
        ("FR", 7, True),
        ("FR", 8, False),
        ("FR", 11, True),
        ("FR", 12, False),
        ("FR", 18, True),
        # From eight in the morning in Honolulu until nine in the evening in New York.
        ("US", 17, True),
        ("US", 19, False),
        ("US", 23, False),
        ("US", 1, True),
        ("DE", 3, False),
    ],
)
def test_each_moment_is_judged_by_the_clocks_where_people_live(country: str, hour: int, quiet: bool) -> None:
    settings = RuleSettings()
    law = settings.policy_for(country=country, sender="DE", channel="phone", kind="b2c", on=MONDAY)
    at = MONDAY.replace(hour=hour)
    assert settings.is_quiet(law, country=country, sender="DE", channel="phone", at=at) is quiet


def test_on_a_sunday_nobody_in_france_is_called() -> None:
    settings = RuleSettings()
    law = settings.policy_for(country="FR", sender="DE", channel="phone", kind="b2c", on=SUNDAY_NOON)
    assert settings.is_quiet(law, country="FR", sender="DE", channel="phone", at=SUNDAY_NOON)


def test_the_own_hours_of_the_house_count_besides_those_of_the_law() -> None:
    settings = RuleSettings(markets=("GB", "US"), hours=(OwnHours(channels=("sms",), hours=("mon-sat 09:00-18:00",)),))
    morning = MONDAY.replace(hour=9)
    for country, channel, quiet in (
        ("GB", "sms", False),
        ("AT", "sms", False),
        ("US", "sms", True),
        ("US", "email", False),
        # It may be night where somebody lives of whom nobody knows where that is.
        (UNKNOWN, "sms", True),
    ):
        law = settings.policy_for(country=country, sender="GB", channel=channel, kind="b2c", on=morning)
        assert settings.is_quiet(law, country=country, sender="GB", channel=channel, at=morning) is quiet, country


def test_where_a_country_spans_zones_it_must_be_time_in_all_of_them() -> None:
    zones = ("America/New_York", "America/Los_Angeles")
    hours = [("mon-sun 09:00-17:00",)]
    quiet = [hour for hour in range(24) if is_quiet(hours, zones=zones, at=MONDAY.replace(hour=hour))]
    assert [hour for hour in range(24) if hour not in quiet] == [16, 17, 18, 19, 20]


def test_a_moment_must_lie_in_each_set_of_hours_and_the_last_minute_is_over() -> None:
    two = [("mon 08:00-12:00", "mon 14:00-18:00"), ("mon 10:00-15:00",)]
    allowed = [hour for hour in range(24) if not is_quiet(two, zones=("UTC",), at=MONDAY.replace(hour=hour))]
    assert allowed == [10, 11, 14]
    assert not is_quiet([], zones=("UTC",), at=MONDAY)
    assert not is_quiet([()], zones=("UTC",), at=MONDAY)


def test_midnight_ends_a_day() -> None:
    assert read_hours("sun 20:00-24:00").cover(SUNDAY_NOON.replace(hour=23, minute=59))
    assert read_hours("sat-sun 08:00-20:00").days == {5, 6}
    assert read_hours("wed 08:15-20:00").begin == time(8, 15)


@pytest.mark.parametrize(
    "words", ["", "mon", "10:00-12:00", "fri-mon 10:00-12:00", "mon 12:00-10:00", "mon 10:00-25:00"]
)
def test_what_are_no_hours_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_hours(words)


@pytest.mark.parametrize(
    ("country", "sender", "day", "quiet"),
    [
        ("FR", "DE", date(2026, 7, 13), False),
        ("FR", "DE", date(2026, 7, 14), True),
        ("FR", "DE", date(2027, 3, 29), True),
        ("ES", "DE", date(2026, 10, 12), True),
        ("ES", "DE", date(2026, 7, 14), False),
        # Its own law binds a French caller abroad, too; a German holiday is none of it.
        ("DE", "FR", date(2026, 7, 14), True),
        ("FR", "DE", date(2025, 10, 3), False),
        ("DE", "DE", date(2025, 10, 3), False),
        # Who may live in France is not called on its holidays.
        (UNKNOWN, "DE", date(2026, 7, 14), True),
        (UNKNOWN, "DE", date(2026, 7, 15), False),
        # The day of Saint Stephen is one in Alsace only, which nobody tells us.
        ("FR", "DE", date(2025, 12, 26), False),
    ],
)
def test_on_public_holidays_nobody_is_called_where_the_law_says_so(
    country: str, sender: str, day: date, quiet: bool
) -> None:
    rows = tuple(replaced_from_the_beginning(row) for row in shipped())
    settings = RuleSettings(markets=("DE", "FR"), policies=rows)
    at = datetime.combine(day, time(9), UTC)
    law = settings.policy_for(country=country, sender=sender, channel="phone", kind="b2c", on=at)
    assert settings.is_quiet(law, country=country, sender=sender, channel="phone", at=at) is quiet


def replaced_from_the_beginning(row: PolicyRow) -> PolicyRow:
    """The calling hours of France, as if they had held before August 2026."""
    return row.model_copy(update={"valid_from": date(2020, 1, 1)}) if row.country == "FR" and row.hours else row


ZONES = ("America/New_York", "Asia/Tokyo", "Europe/Paris", "Pacific/Auckland", "UTC")
MOMENTS = st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is added
DAYS_OF_TWO_YEARS = st.dates(min_value=date(2025, 12, 31), max_value=date(2028, 1, 1))


@given(
    at=MOMENTS,
    zones=st.lists(st.sampled_from(ZONES), min_size=1, unique=True),
    hours=st.lists(st.sampled_from((("mon-sun 00:00-24:00",), ("mon-fri 10:00-13:00", "sat 09:00-12:00"), ()))),
    others=st.frozensets(DAYS_OF_TWO_YEARS, max_size=5),
    today=st.booleans(),
)
def test_a_closed_day_keeps_everybody_back_for_as_long_as_it_is_that_day_where_they_live(
    at: datetime, zones: list[str], hours: list[tuple[str, ...]], others: frozenset[date], today: bool
) -> None:
    there = {at.astimezone(ZoneInfo(zone)).date() for zone in zones}
    closed = others | ({min(there)} if today else set())
    assert days_there(zones, at=at) == there
    assert is_quiet(hours, zones=zones, at=at, closed=closed) is (
        bool(there & closed) or is_quiet(hours, zones=zones, at=at)
    )


@given(
    countries=st.frozensets(st.sampled_from(("DE", "ES", "FR", "US"))), first=DAYS_OF_TWO_YEARS, last=DAYS_OF_TWO_YEARS
)
def test_the_holidays_of_a_time_are_those_of_each_of_its_days(
    countries: frozenset[str], first: date, last: date
) -> None:
    found = holidays_between(countries, first=first, last=last)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    assert list(found) == [
        day for day in days if any(day in public_holidays(country, day.year) for country in countries)
    ]


def test_holidays_can_only_be_kept_where_they_are_known() -> None:
    row = next(row for row in shipped() if row.country == "FR" and row.hours)
    for country in ("*", "QQ"):
        with pytest.raises(ValueError, match="public holidays"):
            PolicyRow.model_validate(row.model_dump() | {"country": country})


def test_countries_have_zones() -> None:
    assert zones_of("FR") == ("Europe/Paris",)
    assert zones_of("") == zones_of("QQ") == ()
