"""A campaign goes only the ways that the table names."""

from hypothesis import given
from hypothesis import strategies as st

from campaigns.states import STEPS, CampaignState, allowed

STATES = st.sampled_from(CampaignState)


def test_every_state_has_a_row():
    assert set(STEPS) == set(CampaignState)


@given(walk=st.lists(STATES, min_size=1, max_size=12))
def test_nothing_is_sent_without_an_approval(walk):
    """Whatever somebody tries in whatever order, before the first sending there was an approval."""
    state, passed = CampaignState.DRAFT, [CampaignState.DRAFT]
    for wanted in walk:
        if allowed(before=state, after=wanted):
            state = wanted
            passed.append(state)
    if CampaignState.SENDING in passed:
        before = passed[: passed.index(CampaignState.SENDING)]
        assert CampaignState.SUBMITTED in before
        assert CampaignState.APPROVED in before


@given(state=STATES)
def test_what_is_over_stays_over(state):
    for final in (CampaignState.DONE, CampaignState.CANCELLED):
        assert not allowed(before=final, after=state)
