"""When sending stops by its numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.pace.brake import Counted, reason_to_stop
from delivery.pace.limits import Brake


@pytest.mark.parametrize(
    ("counted", "words"),
    [
        (Counted(accepted=499, complaints=400), None),
        (Counted(accepted=1000, complaints=1), None),
        (Counted(accepted=1000, complaints=2), "Too many complaints: 2 of 1,000 (0.20 %, at most 0.1 %)."),
        (Counted(accepted=980, refused=20, bounced=20), None),
        (Counted(accepted=979, refused=21, bounced=21), "Too many dead addresses: 21 of 1,000 (2.10 %, at most 2 %)."),
        # A list of nothing but dead addresses is noticed though nothing was ever accepted.
        (Counted(refused=500, bounced=500), "Too many dead addresses: 500 of 500 (100.00 %, at most 2 %)."),
        (Counted(accepted=950, listed=51), "Too many who are listed or opted out since it was planned: 51 of 1,001"),
        (Counted(accepted=890, policy=110), "Too many refused for what we are: 110 of 1,000 (11.00 %, at most 10 %)."),
        (Counted(accepted=940, unknown=60), "Too many ended in doubt: 60 of 1,000 (6.00 %, at most 5 %)."),
        (Counted(accepted=900, complaints=9, bounced=100), "Too many complaints: 9 of 900"),
    ],
)
def test_the_brake_falls_where_the_table_says(counted, words):
    found = reason_to_stop(counted, brake=Brake())
    assert (found is None) if words is None else str(found).startswith(words)


many = st.integers(0, 3000)
some = st.builds(
    Counted, accepted=many, refused=many, policy=many, unknown=many, listed=many, bounced=many, complaints=many
)


@given(counted=some, more=some)
def test_what_was_counted_before_does_not_count_again(counted, more):
    before = vars(counted) if hasattr(counted, "__dict__") else {}
    assert (counted + more).since(before) == more
    assert reason_to_stop(counted.since(before), brake=Brake()) is None


@given(counted=some, least=st.integers(1, 5000))
def test_a_brake_that_allows_everything_never_falls(counted, least):
    allowing = Brake(hard_bounces=100, complaints=100, list_hits=100, policy=100, unknown=100, after=least)
    found = reason_to_stop(counted, brake=allowing)
    assert found is None or counted.complaints > counted.accepted or counted.bounced > counted.ended
