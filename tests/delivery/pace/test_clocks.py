"""Windows on days on which clocks do odd things: both changes of summer time, a leap day, a night without midnight."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from delivery.pace.windows import Windows

STEP = timedelta(minutes=15)

# The zone, the day, and what is odd about it.
ODD = (
    ("Europe/Berlin", datetime(2027, 3, 28, tzinfo=UTC), "02:00 to 03:00 does not exist"),
    ("Europe/Berlin", datetime(2027, 10, 31, tzinfo=UTC), "02:00 to 03:00 comes twice"),
    ("Australia/Lord_Howe", datetime(2027, 4, 4, tzinfo=UTC), "half an hour comes twice"),
    ("America/Asuncion", datetime(2023, 10, 1, tzinfo=UTC), "midnight does not exist"),
    ("America/Havana", datetime(2027, 11, 7, tzinfo=UTC), "midnight comes twice"),
    ("Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC), "the day does not exist"),
    ("Europe/Vienna", datetime(2028, 2, 29, tzinfo=UTC), "a leap day"),
    ("Asia/Tokyo", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC), "a leap second, which clocks here never show"),
)
HOURS = (("00:00-01:00",), ("01:30-02:30",), ("02:15-02:45",), ("02:30-17:00",), ("23:00-24:00",))


@pytest.mark.parametrize(("zone", "day", "odd"), ODD, ids=[f"{zone}: {odd}" for zone, _, odd in ODD])
@pytest.mark.parametrize("hours", HOURS, ids=[hours[0] for hours in HOURS])
def test_a_window_never_opens_early_and_no_open_moment_is_passed_over(zone, day, odd, hours):
    del odd
    windows = Windows(hours=tuple(f"mon-sun {words}" for words in hours))
    begin, end = (words.split(":") for words in hours[0].split("-"))
    first, last = (int(hour) * 60 + int(minute) for hour, minute in (begin, end))
    moments = [day - timedelta(days=1) + number * STEP for number in range(2 * 96 + 1)]
    open_ones = [each for each in moments if windows.is_open(each, zone=zone)]
    for each in open_ones:
        there = each.astimezone(ZoneInfo(zone))
        assert first <= there.hour * 60 + there.minute < last
    for each in moments[::7]:
        found = windows.next_open(each, zone=zone)
        assert found is not None
        assert found >= each
        assert windows.is_open(found, zone=zone)
        passed_over = [moment for moment in open_ones if each <= moment < found]
        assert passed_over == []
