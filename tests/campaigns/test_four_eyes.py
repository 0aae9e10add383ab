"""What goes out is exactly what a second person approved."""

import pytest
from sqlalchemy import text

from campaigns import void_if_changed
from campaigns.states import CampaignState
from core.db import transaction
from core.errors import NotAllowed
from core.permissions import Role
from suppression import RuleSettings, activate
from tests.campaigns import planning


@pytest.fixture
def marta(database, tmp_path):
    """The author, with a checked campaign to two people."""
    actor = planning.somebody(Role.MARKETER, "marta")
    planning.configure(tmp_path)
    planning.with_people("anna", "ben")
    planning.check()
    return actor


@pytest.fixture
def rita(database):
    return planning.somebody(Role.RELEASER, "rita")


def test_a_campaign_goes_from_draft_to_approved_with_two_people(marta, rita):
    planning.submitted_by(marta)
    planning.approved_by(rita)
    assert planning.campaign().state is CampaignState.APPROVED


def test_the_author_cannot_approve_even_with_the_right_to(marta, rita, tmp_path):
    with transaction() as session:
        session.execute(text("UPDATE campaign SET author = :rita"), {"rita": rita.email})
    planning.submitted_by(marta)
    with pytest.raises(NotAllowed) as caught:
        planning.approved_by(rita)
    assert caught.value.code == "four_eyes"


def test_who_submitted_cannot_approve(marta, rita):
    planning.submitted_by(rita)
    with pytest.raises(NotAllowed) as caught:
        planning.approved_by(rita)
    assert caught.value.code == "four_eyes"


def test_a_marketer_has_no_right_to_approve(marta):
    other = planning.somebody(Role.MARKETER, "otto")
    planning.submitted_by(marta)
    with pytest.raises(NotAllowed) as caught:
        planning.approved_by(other)
    assert caught.value.code == "not_permitted"


def test_nothing_is_launched_without_an_approval(marta):
    with pytest.raises(NotAllowed) as caught:
        planning.launched_by(marta)
    assert caught.value.code == "not_approved"
    assert planning.rows("SELECT 1 FROM run") == []


def test_a_changed_subject_voids_the_approval(marta, rita, tmp_path):
    planning.submitted_by(marta)
    planning.approved_by(rita)
    planning.configure(tmp_path, subject="Leaves fall faster")
    assert planning.campaign().state is CampaignState.DRAFT


def test_what_changed_behind_our_back_is_found_at_the_launch(marta, rita):
    planning.submitted_by(marta)
    planning.approved_by(rita)
    with transaction() as session:
        activate(session, RuleSettings(customer_months=12), actor="somebody")
    with pytest.raises(NotAllowed) as caught:
        planning.launched_by(marta)
    assert caught.value.details["changed"] == ["rules"]
    assert planning.rows("SELECT 1 FROM run") == []


def test_an_unchanged_campaign_keeps_its_approval(marta, rita, tmp_path):
    planning.submitted_by(marta)
    planning.approved_by(rita)
    planning.configure(tmp_path)
    with transaction() as session:
        campaign = planning.lock(session, "autumn")
        assert not void_if_changed(session, campaign=campaign, actor="test")
    assert planning.campaign().state is CampaignState.APPROVED


def test_a_change_after_the_check_asks_for_a_new_check(marta, tmp_path):
    planning.configure(tmp_path, subject="Something else")
    with pytest.raises(NotAllowed):
        planning.submitted_by(marta)


def test_approvals_are_evidence_that_nobody_can_change(marta, rita):
    planning.submitted_by(marta)
    with pytest.raises(Exception, match="never changed or removed"):
        planning.rows("UPDATE approval SET actor = 'nobody' RETURNING 1")
