"""When people may be called: as it is written, and by which clocks."""

from datetime import UTC, datetime, time

import pytest

from suppression import RuleSettings
from suppression.calling_hours import is_quiet, read_hours, zones_of
from suppression.policy import UNKNOWN
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


def test_countries_have_zones() -> None:
    assert zones_of("FR") == ("Europe/Paris",)
    assert zones_of("") == zones_of("QQ") == ()
