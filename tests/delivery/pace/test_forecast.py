"""How long a campaign will take, told before it begins."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.pace.forecast import HORIZON, USUAL_RATE, Crowd, forecast
from delivery.pace.levels import Level
from delivery.pace.limits import Limits
from delivery.pace.windows import Windows

MONDAY = datetime(2026, 3, 2, 12, 10, tzinfo=UTC)
CROWDS = st.lists(
    st.builds(Crowd, st.sampled_from(["gmail", "other", "telekom"]), st.integers(1, 5000),
              st.sampled_from(["Europe/Berlin", "Asia/Tokyo", "America/New_York"])),
    min_size=1, max_size=5, unique_by=lambda one: (one.operator, one.zone),
)  # fmt: skip
LIMITS = st.fixed_dictionaries(
    {},
    optional={"per_second": st.integers(1, 50), "per_hour": st.integers(50, 5000), "per_day": st.integers(200, 20_000),
              "operators": st.dictionaries(st.sampled_from(["gmail", "each", "other"]), st.fixed_dictionaries(
                  {}, optional={"per_hour": st.integers(20, 900), "share": st.floats(0.1, 1)}), max_size=2),
              "warm_up": st.just({"start": "2026-03-01", "first_day": 300, "growth": 2, "most": 9000})},
)  # fmt: skip


def of(*crowds: Crowd, hours: list[str] | None = None, until: str | None = None, used=None, **limits):
    windows = Windows.model_validate({"hours": hours, "until": until}) if hours else None
    return forecast(crowds, limits=Limits.model_validate(limits), windows=windows, begin=MONDAY, used=used)


def test_without_limits_it_takes_as_long_as_a_worker_needs():
    assert of(Crowd("other", 1001)).seconds == -(-1001 // USUAL_RATE)
    assert (of().seconds, of().by_day) == (0, {})


def test_limits_of_an_hour_of_a_day_and_a_warm_up_stretch_it():
    assert of(Crowd("other", 3000), per_second=10).seconds == 300
    assert of(Crowd("other", 300), per_hour=100).ends.hour == 14
    days = of(Crowd("gmail", 500), Crowd("other", 300), per_day=400)
    assert (days.by_day, days.ends.date()) == ({date(2026, 3, 2): 400, date(2026, 3, 3): 400}, date(2026, 3, 3))
    # What was used up today is not there any more.
    used = {None: Level(None, MONDAY - timedelta(hours=3), 0, 350)}
    assert of(Crowd("other", 500), per_day=400, used=used).by_day == {date(2026, 3, 2): 50, date(2026, 3, 3): 400,
                                                                     date(2026, 3, 4): 50}  # fmt: skip
    warm = {"start": "2026-03-02", "first_day": 100, "growth": 2, "most": 1000}
    assert list(of(Crowd("other", 1000), warm_up=warm).by_day.values()) == [100, 200, 400, 300]
    assert of(Crowd("other", 10**9), per_day=1).left > 10**8


def test_one_operator_that_is_limited_makes_the_rest_of_it_late():
    found = of(Crowd("gmail", 250), Crowd("other", 9000), operators={"gmail": {"per_day": 100}})
    assert list(found.by_day.values()) == [9100, 100, 50]


def test_windows_are_those_of_the_recipients():
    found = of(Crowd("other", 10, "Europe/Berlin"), Crowd("other", 10, "Asia/Tokyo"), hours=["mon-fri 09:00-17:00"])
    # In Berlin it is just after one, in Tokyo the next morning begins at midnight UTC.
    assert found.by_day == {date(2026, 3, 2): 10, date(2026, 3, 3): 10}
    assert found.ends.replace(microsecond=0) == datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
    late = of(Crowd("other", 10, "Asia/Tokyo"), hours=["mon-fri 09:00-17:00"], until="2026-03-02")
    assert (late.left, late.seconds) == (10, 0)


@settings(max_examples=20, deadline=None)
@given(crowds=CROWDS, limits=LIMITS, has_windows=st.booleans())
def test_everybody_is_counted_and_no_day_has_more_than_it_may(crowds, limits, has_windows):
    windows = Windows.model_validate({"hours": ["mon-sat 08:00-20:00"]}) if has_windows else None
    read = Limits.model_validate(limits)
    found = forecast(crowds, limits=read, windows=windows, begin=MONDAY)
    assert sum(found.by_day.values()) + found.left == sum(one.people for one in crowds)
    for day, many in found.by_day.items():
        assert many <= (read.of(None, day=day).per_day or many)
    assert MONDAY <= found.ends <= MONDAY + HORIZON + timedelta(days=1)
    assert found.left == 0 or found.ends - MONDAY > timedelta(days=1)
    free = forecast(crowds, limits=Limits(), windows=windows, begin=MONDAY)
    assert free.ends <= found.ends + timedelta(seconds=2)
    assert Counter(free.by_day).total() == sum(one.people for one in crowds)
