from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import text

from contacts import choose, erase
from core import clock
from core.db import transaction
from core.errors import NotAllowed, NotFound, WrongInput
from core.evidence import verify
from lead_handover import accept, open_leads, rebuild, reject, save_sales_person, score_due
from lead_handover.assignment import Seller
from lead_handover.assignment import choose as choose_seller
from lead_handover.service import escalate_overdue, fade
from suppression import Cause, NewEntry
from suppression import add_many as suppress


def _leads(office):
    return {row.contact_id: row for row in office.rows("SELECT * FROM handover ORDER BY id")}


def test_somebody_over_the_threshold_becomes_a_lead_exactly_once(office):
    office.rules()
    office.seller("sue@shop.example")
    office.click("ada", times=2)
    office.click("bob")
    score_due()
    office.click("ada")
    score_due()
    leads = _leads(office)
    assert list(leads) == [office.contacts["ada"]]
    lead = leads[office.contacts["ada"]]
    assert lead.points == pytest.approx(40, abs=0.1)
    assert [line["words"] for line in lead.lines] == ["clicked a link today"] * 2
    assert lead.due_at - lead.created_at == timedelta(hours=24)
    points = dict(office.rows("SELECT contact_id, points FROM score"))
    assert points[office.contacts["ada"]] == pytest.approx(60, abs=0.1)


def test_machines_make_no_leads_until_they_are_judged_human(office):
    office.rules()
    office.click("ada", times=3, verdict="machine")
    office.click("bob", times=3, verdict=None)
    score_due()
    assert not _leads(office)
    with transaction() as session:
        session.execute(text("UPDATE event SET verdict = 'human' WHERE verdict = 'machine'"))
    score_due()
    assert list(_leads(office)) == [office.contacts["ada"]]
    with transaction() as session:
        session.execute(text("UPDATE event SET verdict = 'machine'"))
    score_due()
    assert not office.rows("SELECT 1 FROM score WHERE points > 0")


def test_an_event_that_is_stored_late_is_not_overlooked(office):
    office.rules()
    with transaction() as late:
        late.execute(
            text(
                "INSERT INTO event (at, kind, verdict, address_id, message_id) SELECT now(), 'click', 'human', :a, n"
                " FROM generate_series(900, 902) AS n"
            ),
            {"a": office.addresses["ada"]},
        )
        office.click("bob", times=2)
        score_due()
        assert list(_leads(office)) == [office.contacts["bob"]]
    score_due()
    assert set(_leads(office)) == {office.contacts["ada"], office.contacts["bob"]}


def test_scores_rebuilt_are_the_scores_that_were_kept(office):
    office.rules()
    for name in ("ada", "bob", "cid"):
        office.click(name, days_ago=3)
        score_due()
        office.click(name, kind="open", days_ago=1)
    score_due()
    kept = office.rows("SELECT contact_id, round(points, 1), jsonb_array_length(lines) FROM score ORDER BY 1")
    with transaction() as session:
        session.execute(text("TRUNCATE score"))
    assert rebuild()["rescored"] == 3
    rebuilt = office.rows("SELECT contact_id, round(points, 1), jsonb_array_length(lines) FROM score ORDER BY 1")
    assert kept == rebuilt
    assert len(kept) == 3


def test_new_rules_score_everybody_anew(office):
    office.click("ada")
    score_due()
    assert not office.rows("SELECT 1 FROM score")
    office.rules()
    score_due()
    assert not _leads(office)
    office.rules(threshold=15)
    score_due()
    assert list(_leads(office)) == [office.contacts["ada"]]
    assert len(office.rows("SELECT 1 FROM score_model")) == 2
    office.rules(threshold=15)
    assert len(office.rows("SELECT 1 FROM score_model")) == 2


def test_rebuilding_without_rules_is_refused_in_words(office):
    with pytest.raises(WrongInput, match="no score rules"):
        rebuild()


def test_who_opted_out_is_not_handed_over(office):
    office.rules()
    office.click("ada", times=2)
    with transaction() as session:
        entry = NewEntry(
            address_id=office.addresses["ada"],
            cause=Cause.OPTED_OUT,
            channel="email",
            purpose="newsletter",
            at=clock.now(),
            source="test",
        )
        suppress(session, [entry])
    score_due()
    assert not _leads(office)


def test_who_takes_back_the_tracking_is_no_longer_scored(office):
    office.rules()
    office.click("ada")
    score_due()
    with transaction() as session:
        choose(session, office.addresses["ada"], tracking="none")
    office.click("ada", times=2)
    score_due()
    assert not _leads(office)
    assert not office.rows("SELECT 1 FROM score")


def test_erasing_a_person_erases_the_score(office):
    office.rules()
    office.click("ada")
    score_due()
    with transaction() as session:
        erase(session, contact_id=office.contacts["ada"], actor="mia@shop.example", reason="asked")
    assert not office.rows("SELECT 1 FROM score")
    rebuild()


def test_leads_go_round_and_territories_come_first(office):
    office.rules()
    office.seller("sue@shop.example")
    office.seller("sam@shop.example", countries=["AT"])
    office.field("cid", country="AT")
    for name in ("ada", "bob", "cid"):
        office.click(name, times=2)
    score_due()
    given = dict(
        office.rows(
            "SELECT h.contact_id, u.email FROM handover AS h JOIN sales_person AS s ON s.id = h.sales_person_id"
            " JOIN user_account AS u ON u.id = s.user_id"
        )
    )
    assert given == {
        office.contacts["ada"]: "sue@shop.example",
        office.contacts["bob"]: "sue@shop.example",
        office.contacts["cid"]: "sam@shop.example",
    }


def test_turns_are_taken():
    now = clock.now()
    first, second = Seller(1, {}, now), Seller(2, {}, now - timedelta(hours=1))
    assert choose_seller([first, second], {}) is second
    assert choose_seller([first, Seller(3, {})], {}).id == 3
    assert choose_seller([Seller(4, {"countries": ["AT"]})], {"country": "DE"}) is None


def test_a_lead_that_nobody_covers_waits_unassigned(office):
    office.rules()
    office.seller("sam@shop.example", countries=["CH"])
    office.click("ada", times=2)
    score_due()
    with transaction() as session:
        (lead,) = open_leads(session, users_actor(office))
    assert lead.given_to is None
    with transaction() as session:
        accept(session, lead.id, users_actor(office))


def users_actor(office):
    return office.actor("sue@shop.example")


def _one_lead(office, name="ada"):
    office.rules()
    office.seller("sue@shop.example")
    office.click(name, times=2)
    score_due()
    with transaction() as session:
        return open_leads(session, office.actor("sue@shop.example"))[0]


def test_accepting_is_audited_and_an_answer_stands(office):
    lead = _one_lead(office)
    assert (lead.contact, lead.given_to, lead.mine) == ("Ada", "sue@shop.example", True)
    sue = office.actor("sue@shop.example")
    with transaction() as session:
        accept(session, lead.id, sue)
        assert not open_leads(session, sue)
    for again in (lambda s: accept(s, lead.id, sue), lambda s: reject(s, lead.id, "not_now", sue)):
        with transaction() as session, pytest.raises(NotAllowed) as caught:
            again(session)
        assert (caught.value.code, caught.value.exit_code) == ("lead_answered", 2)
    with transaction() as session:
        assert not verify(session)
    assert [row.action for row in office.rows("SELECT action FROM audit_event ORDER BY id DESC LIMIT 1")] == [
        "lead.accept"
    ]


def test_reasons_are_a_closed_list_and_only_sales_answers(office):
    lead = _one_lead(office)
    with transaction() as session:
        with pytest.raises(WrongInput, match="not_now, no_interest"):
            reject(session, lead.id, "because", office.actor("sue@shop.example"))
        with pytest.raises(NotAllowed):
            accept(session, lead.id, office.actor("mia@shop.example"))
        with pytest.raises(NotFound):
            accept(session, 4711, office.actor("sue@shop.example"))
    assert office.rows("SELECT state FROM handover") == [("open",)]


@pytest.mark.parametrize(("reason", "comes_back"), [("not_now", True), ("no_interest", False)])
def test_not_now_comes_back_after_a_while_and_with_something_new(office, reason, comes_back):
    lead = _one_lead(office)
    with transaction() as session:
        reject(session, lead.id, reason, office.actor("sue@shop.example"))
    office.click("ada", times=2)
    score_due()
    assert len(office.rows("SELECT 1 FROM handover")) == 1, "too early"
    with time_machine.travel(clock.now() + timedelta(days=31)):
        rebuild()
        assert len(office.rows("SELECT 1 FROM handover")) == 1, "faded below the threshold"
        office.click("ada", times=2)
        score_due()
    assert len(office.rows("SELECT 1 FROM handover")) == (2 if comes_back else 1)


def test_a_lead_that_was_rejected_does_not_come_back_for_what_was_known(office):
    office.rules(recycle_days=1)
    office.seller("sue@shop.example")
    office.click("ada", times=3)
    score_due()
    with transaction() as session:
        (lead,) = open_leads(session)
        reject(session, lead.id, "not_now", office.actor("sue@shop.example"))
    with time_machine.travel(clock.now() + timedelta(days=3)):
        rebuild()
    assert len(office.rows("SELECT 1 FROM handover")) == 1


def test_an_overdue_lead_is_escalated_once_and_can_still_be_answered(office):
    lead = _one_lead(office)
    escalate_overdue()
    assert office.rows("SELECT state FROM handover") == [("open",)]
    with time_machine.travel(clock.now() + timedelta(hours=25)):
        escalate_overdue()
        escalate_overdue()
        assert office.rows("SELECT state FROM handover") == [("escalated",)]
        assert len(office.rows("SELECT 1 FROM audit_event WHERE action = 'lead.escalate'")) == 1
        office.click("ada", times=2)
        score_due()
        with transaction() as session:
            accept(session, lead.id, office.actor("sue@shop.example"))
    assert office.rows("SELECT state FROM handover") == [("accepted",)]


def test_points_fade_in_the_table_too(office):
    office.rules()
    office.click("ada")
    score_due()
    with time_machine.travel(clock.now() + timedelta(days=14)):
        fade()
        score_due()
    assert office.rows("SELECT round(points) FROM score") == [(10,)]


def test_only_people_who_may_answer_take_leads(office):
    with transaction() as session:
        with pytest.raises(NotAllowed):
            save_sales_person(session, user="mia@shop.example", actor="system")
        with pytest.raises(WrongInput):
            save_sales_person(session, user="sue@shop.example", actor="system", territory={"planets": ["Mars"]})
        assert save_sales_person(session, user="sue@shop.example", actor="system")
        assert not save_sales_person(session, user="sue@shop.example", actor="system")
