"""What is left of a limit, whatever happens in whatever order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from delivery.pace.levels import Level, refilled, room, spent, wait
from delivery.pace.limits import Limit
from delivery.pace.shares import Lane, shares

BEGIN = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)

limits = st.builds(
    Limit,
    per_second=st.none() | st.floats(0.1, 50),
    per_hour=st.none() | st.integers(1, 200),
    per_day=st.none() | st.integers(1, 500),
    burst=st.none() | st.integers(1, 30),
)
# Seconds that pass (clocks jump back, too), how many are asked for, and how many of those are not used.
steps = st.lists(
    st.tuples(st.floats(-5, 4000) | st.floats(0, 3), st.integers(0, 60), st.integers(0, 5)), min_size=1, max_size=40
)


@given(limit=limits, steps=steps)
def test_no_stretch_of_time_sees_more_than_a_limit_allows(limit, steps):
    now, level, left = BEGIN, Level(), []
    for passed, asked, unused in steps:
        now += timedelta(seconds=passed)
        level = refilled(level, limit=limit, now=now)
        allowed = room(level, limit=limit)
        taken = asked if allowed is None else min(asked, allowed)
        level = spent(level, limit=limit, many=taken)
        back = min(unused, taken)
        level = spent(level, limit=limit, many=-back)
        left.append((level.at, taken - back))
    if limit.per_second is not None:
        for first in range(len(left)):
            for last in range(first, len(left)):
                stretch = (left[last][0] - left[first][0]).total_seconds()
                many = sum(count for _, count in left[first : last + 1])
                assert many <= limit.capacity + limit.per_second * stretch + 0.01
    for most, size in ((limit.per_hour, "%Y-%m-%d %H"), (limit.per_day, "%Y-%m-%d")):
        sums: dict[str, int] = {}
        for at, count in left:
            sums[at.strftime(size)] = sums.get(at.strftime(size), 0) + count
        assert most is None or max(sums.values()) <= most


@given(limit=limits, asked=st.integers(1, 600))
def test_what_is_waited_for_is_there_afterwards(limit, asked):
    level = refilled(Level(), limit=limit, now=BEGIN)
    allowed = room(level, limit=limit)
    level = spent(level, limit=limit, many=asked if allowed is None else min(asked, allowed))
    seconds = wait(level, limit=limit, now=BEGIN)
    later = BEGIN + timedelta(seconds=seconds + 0.001)
    for _ in range(3):
        level = refilled(level, limit=limit, now=later)
        later += timedelta(seconds=wait(level, limit=limit, now=later))
    assert room(level, limit=limit) in {None, *range(1, 1000)}


@given(
    lanes=st.lists(
        st.builds(Lane, zone=st.integers(0, 2), operator=st.integers(0, 5), weight=st.integers(0, 1000)),
        unique_by=lambda lane: (lane.zone, lane.operator),
        min_size=1,
    ),
    most=st.integers(1, 1500),
    room=st.dictionaries(st.integers(0, 5), st.integers(0, 400)),
)
def test_a_batch_is_full_when_it_can_be_and_nobody_gets_too_much(lanes, most, room):
    given = shares(lanes, most=most, room=room)
    of = {lane.operator: 0 for lane in lanes}
    for lane, many in given.items():
        of[lane.operator] += many
    assert all(many <= room.get(operator, most) for operator, many in of.items())
    assert sum(given.values()) == min(most, sum(min(most, room.get(operator, most)) for operator in of))


def test_a_batch_has_of_each_operator_what_the_run_has_of_it():
    given = shares([Lane(0, 0, 600), Lane(0, 1, 300), Lane(0, 2, 100)], most=100, room={})
    assert {lane.operator: many for lane, many in given.items()} == {0: 60, 1: 30, 2: 10}
    given = shares([Lane(0, 0, 600), Lane(0, 1, 300), Lane(0, 2, 100)], most=100, room={0: 6})
    assert {lane.operator: many for lane, many in given.items()} == {0: 6, 1: 71, 2: 23}
