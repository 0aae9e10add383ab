"""What people write down as limits."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import WrongInput
from delivery.pace.limits import checked_limits, read_limits
from delivery.pace.operators import operators

START = date(2026, 5, 1)


def test_a_named_operator_has_its_own_limit_and_the_others_that_of_each():
    limits = read_limits({"per_day": 900, "operators": {"gmail": {"per_day": 50}, "each": {"per_second": 2}}})
    found = {code: limits.of(code, day=START) for code in (None, "gmail", "yahoo", "shop.example", "other")}
    assert [found[None].per_day, found["gmail"].per_day] == [900, 50]
    assert [found["yahoo"].per_second, found["shop.example"].per_second] == [2, 2]
    # All small ones together are not one operator.
    assert found["other"].is_open


def test_the_limit_on_the_sender_itself_stays_one():
    assert read_limits({}, per_second=7).of(None, day=START).per_second == 7
    assert read_limits({"per_second": 3}, per_second=7).of(None, day=START).per_second == 3


@given(first=st.integers(1, 5000), growth=st.floats(1.01, 4), most=st.integers(1, 10**7), day=st.integers(-5, 900))
def test_a_warm_up_never_shrinks_never_jumps_and_ends(first, growth, most, day):
    limits = read_limits({"warm_up": {"start": "2026-05-01", "first_day": first, "growth": growth, "most": most}})
    today, next_day = (limits.of(None, day=START + timedelta(days=each)).per_day for each in (day, day + 1))
    assert limits.of(None, day=START).per_day == (first if first < most else None)
    if today is None:
        assert next_day is None
    else:
        assert today < most
        assert next_day is None or today <= next_day <= (today + 1) * growth
    assert limits.of(None, day=START + timedelta(days=2000)).per_day is None


def test_a_warm_up_of_one_operator_is_beside_that_of_the_sender():
    curve = {"start": "2026-05-01", "first_day": 1000, "growth": 2, "most": 90_000}
    limits = read_limits(
        {"warm_up": curve | {"operators": {"gmail": {"first_day": 100, "most": 350}}}, "per_day": 3000}
    )
    assert [limits.of(None, day=START + timedelta(days=n)).per_day for n in range(3)] == [1000, 2000, 3000]
    assert [limits.of("gmail", day=START + timedelta(days=n)).per_day for n in range(3)] == [100, 200, None]
    assert limits.of("yahoo", day=START).is_open


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"per_minute": 3}, "limits.per_minute"),
        ({"per_second": 0}, "limits.per_second"),
        ({"operators": {"gmial": {"per_day": 5}}}, "limits.operators"),
        ({"warm_up": {"first_day": 5, "most": 9}}, "limits.warm_up.start"),
        ({"brake": {"complaints": 101}}, "limits.brake.complaints"),
    ],
)
def test_what_cannot_be_a_limit_is_refused_with_its_place(document, place):
    with pytest.raises(WrongInput) as refusal:
        checked_limits(document)
    assert refusal.value.where.startswith(place)


def test_no_domain_has_two_operators_and_no_number_comes_twice():
    domains = [domain for one in operators() for domain in one.domains]
    assert len(domains) == len(set(domains)) > 200
    assert len({one.number for one in operators()}) == len({one.code for one in operators()}) == len(operators())
    assert all(0 < one.number < 1000 for one in operators())
