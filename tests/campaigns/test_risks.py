"""By what a campaign risks compliance has to agree, too; an approval by compliance is enough by itself."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web import create_app
from campaigns.risks import risks
from campaigns.states import CampaignState
from core.errors import NotAllowed
from core.permissions import Role
from core.settings import Approvals, Mode, Settings, settings
from tests.browsing import post, signed_in
from tests.campaigns import planning

places = st.sets(st.sampled_from(["AT", "DE", "FR", "US"]))


@given(st.integers(0, 5), st.integers(0, 9), places, places, st.integers(1, 9))
def test_each_risk_is_named_and_nothing_else(customers, people, countries, markets, most):
    numbers = {"send": people, "reasons": {"existing_customer": customers, "consent": people}}
    found = [str(one) for one in risks(numbers=numbers, countries=countries, markets=markets, most=most)]
    assert len(found) == (customers > 0) + (people > most) + bool(countries - markets)
    assert all(any(place in one for one in found) for place in countries - markets)
    assert risks(numbers={}, countries=markets, markets=markets, most=most) == []


def test_in_production_the_cautious_way_is_the_usual_one():
    assert Settings(mode=Mode.PRODUCTION).approvals_needed is Approvals.BY_RISK
    assert Settings(mode=Mode.DEVELOPMENT).approvals_needed is Approvals.ONE
    assert Settings(mode=Mode.PRODUCTION, approvals=Approvals.ONE).approvals_needed is Approvals.ONE
    assert Settings(mode=Mode.DEVELOPMENT, approvals=Approvals.BY_RISK).approvals_needed is Approvals.BY_RISK


@pytest.fixture
def marta(database, tmp_path, monkeypatch):
    """Her campaign goes to somebody in France, where the company has no market."""
    monkeypatch.setenv("CRUSOE_APPROVALS", "by_risk")
    settings.cache_clear()
    planning.configure(tmp_path)
    planning.with_people("anna", country="FR")
    planning.with_people("ben")
    planning.check()
    actor = planning.somebody(Role.MARKETER, "marta")
    planning.submitted_by(actor)
    return actor


def words(answer):
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def test_a_releaser_alone_cannot_approve_what_risks_something(marta, tmp_path):
    app = create_app()
    releaser, compliance = signed_in(app, Role.RELEASER), signed_in(app, Role.COMPLIANCE)
    why = "Still needed: compliance, because it goes to countries in which the company has no market: FR"
    assert why in words(releaser.get("/campaigns/autumn"))
    assert post(releaser, "/campaigns/autumn/approve", reason="fine").status_code == 302
    page = words(releaser.get("/campaigns/autumn"))
    assert "Your approval is noted; compliance must agree, too." in page
    assert "You have agreed already." in page
    assert planning.campaign().state is CampaignState.SUBMITTED
    with pytest.raises(NotAllowed):
        planning.launched_by(marta)
    assert post(compliance, "/campaigns/autumn/approve").status_code == 302
    assert planning.campaign().state is CampaignState.APPROVED
    given = planning.rows("SELECT action, actor FROM approval ORDER BY id")
    assert [tuple(one) for one in given] == [
        ("submit", "marta@shop.example"),
        ("approve_in_part", "releaser@crew.example"),
        ("approve", "compliance@crew.example"),
    ]
    planning.configure(tmp_path, subject="Leaves fall again")
    planning.check()
    rita = planning.somebody(Role.RELEASER, "rita")
    planning.submitted_by(rita)
    with pytest.raises(NotAllowed) as caught:
        planning.approved_by(rita)
    assert caught.value.code == "four_eyes", "who submitted agrees to nothing, not even in part"
    planning.approved_by(planning.somebody(Role.COMPLIANCE, "carl"))
    assert planning.campaign().state is CampaignState.APPROVED, "one approval by compliance is enough"

    planning.rows("UPDATE contact SET country = 'DE' RETURNING 1")
    planning.configure(tmp_path, subject="Leaves fall at home")
    planning.check()
    planning.submitted_by(marta)
    planning.approved_by(rita)
    assert planning.campaign().state is CampaignState.APPROVED, "without a risk one other person is enough"
    planning.launched_by(marta)
    assert planning.campaign().state is CampaignState.SENDING
