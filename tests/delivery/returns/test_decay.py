"""When failures that may pass add up, and when they do not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.returns.decay import Failure, Patience, is_spent

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PATIENCE = Patience(failures=3, apart=timedelta(days=15), within=timedelta(days=90))


def failed(*days_ago: float, same_run: bool = False) -> list[Failure]:
    return [Failure(NOW - timedelta(days=ago), 1 if same_run else number) for number, ago in enumerate(days_ago)]


def spent(failures: list[Failure], *, success: float | None = None) -> bool:
    last = None if success is None else NOW - timedelta(days=success)
    return is_spent(failures, patience=PATIENCE, now=NOW, last_success=last)


@pytest.mark.parametrize(
    ("failures", "success", "expected"),
    [
        (failed(), None, False),
        (failed(20, 10, 0), None, True),
        (failed(15, 7, 0), None, True),
        (failed(14.9, 7, 0), None, False),
        (failed(20, 0), None, False),
        (failed(20, 10, 0, same_run=True), None, False),
        (failed(20, 0, 0.1, 0.2), None, False),
        (failed(91, 10, 0), None, False),
        (failed(89, 10, 0), None, True),
        (failed(20, 10, 0), 15, False),
        (failed(20, 10, 0), 21, True),
    ],
)
def test_an_address_is_given_up_after_failures_of_several_campaigns_over_weeks(failures, success, expected):
    assert spent(failures, success=success) is expected


@given(st.lists(st.floats(0, 200), max_size=8), st.floats(0, 200), st.floats(0, 200))
def test_a_later_success_never_makes_it_worse(days_ago, earlier, later):
    first, last = max(earlier, later), min(earlier, later)
    if spent(failed(*days_ago), success=last):
        assert spent(failed(*days_ago), success=first)


@given(st.lists(st.floats(0, 200), max_size=8), st.floats(0, 200))
def test_one_more_failure_never_makes_it_better(days_ago, more):
    if spent(failed(*days_ago)):
        assert spent(failed(*days_ago, more))
