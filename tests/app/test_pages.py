"""The pages do what they say: from a plan to a launch, from a file to contacts, from a lead to an answer."""

import io

import pytest
from sqlalchemy import func, select, text

from campaigns.models import Campaign
from contacts.models import Contact
from core.audit import AuditEvent
from core.db import engine, transaction
from core.permissions import Role
from lead_handover.models import Handover
from suppression.models import SuppressionEntry
from tests import world
from tests.browsing import form_token, post


def state(code):
    with transaction() as session:
        return session.scalar(select(Campaign.state).where(Campaign.code == code))


def test_a_campaign_goes_from_plan_to_launch_in_the_browser(person, found):
    marketer, releaser = person(Role.MARKETER), person(Role.RELEASER)
    plan = {"code": "winter", "name": "Winter", "segment": "everyone", "template": "boots", "sender": "news"}
    assert post(marketer, "/campaigns/new", **plan, purpose="newsletter", tracking="none").status_code == 302
    assert post(marketer, "/campaigns/winter/check").status_code == 302
    page = marketer.get("/campaigns/winter").text
    assert "opted out" in page
    assert "no basis" in page
    assert post(marketer, "/campaigns/winter/submit").status_code == 302
    assert post(releaser, "/campaigns/winter/approve", reason="fine").status_code == 302
    assert post(marketer, "/campaigns/winter/launch").status_code == 302
    assert state("winter") == "sending"
    assert "every 2s" in marketer.get("/campaigns/winter/progress").text
    assert "HX-Refresh" not in marketer.get("/campaigns/winter/progress?state=sending").headers
    assert post(person(Role.SALES), "/campaigns/winter/pause").status_code == 302
    assert state("winter") == "paused"
    assert marketer.get("/campaigns/winter/progress?state=sending").headers["HX-Refresh"] == "true"


def test_the_page_refuses_the_approval_of_the_author(person, found):
    admin = person(Role.ADMIN)
    plan = {"code": "mine", "name": "Mine", "segment": "everyone", "template": "boots", "sender": "news"}
    post(admin, "/campaigns/new", **plan, tracking="none")
    post(admin, "/campaigns/mine/check")
    post(admin, "/campaigns/mine/submit")
    assert "somebody else must look at it" in admin.get("/campaigns/mine").text
    answer = post(admin, "/campaigns/mine/approve")
    assert answer.status_code == 403
    assert "four_eyes" in answer.text or "cannot approve it" in answer.text
    assert state("mine") == "submitted"


def test_a_changed_subject_voids_what_was_submitted(person, found):
    marketer, releaser = person(Role.MARKETER), person(Role.RELEASER)
    form = {"name": "Boots", "subject": "Other boots", "markup": "mjml", "body": world.BODY, "locale": "en"}
    assert post(marketer, "/templates/boots/edit", **form).status_code == 302
    answer = post(releaser, f"/campaigns/{found.waiting}/approve")
    assert answer.status_code == 403
    assert "content" in answer.text
    assert state(found.waiting) == "draft"


def test_a_plan_with_a_gap_says_so_beside_the_field(person, found):
    marketer = person(Role.MARKETER)
    plan = {"code": "Not A Code", "name": "x", "segment": "everyone", "template": "boots", "sender": "news"}
    answer = post(marketer, "/campaigns/new", **plan, tracking="none")
    assert answer.status_code == 422
    assert 'id="code-error"' in answer.text


def test_a_template_with_a_mistake_keeps_what_was_typed(person, found):
    marketer = person(Role.MARKETER)
    body = "<p>{{ contact.shoe_size }} is what I typed</p>"
    form = {"code": "broken", "name": "B", "subject": "s", "markup": "html", "body": body, "locale": "en"}
    answer = post(marketer, "/templates/new", **form)
    assert answer.status_code == 422
    assert "is what I typed" in answer.text
    assert "shoe_size" in answer.text


def test_the_preview_stores_nothing_and_is_caged(person, found):
    marketer = person(Role.MARKETER)
    form = {"subject": "s", "markup": "html", "body": "<p>Hello <script>alert(1)</script></p>", "locale": "en"}
    answer = post(marketer, "/templates/preview", **form)
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    with transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM template_version")) == 1


def test_a_segment_is_built_and_stored(person, found):
    marketer = person(Role.MARKETER)
    tree = {"0.kind": "all", "0.0.kind": "field", "0.0.field": "country", "0.0.operator": "is", "0.0.value": "AT"}
    counted = post(marketer, "/segments/builder", **tree, do="count")
    assert "2" in counted.text
    grown = post(marketer, "/segments/builder", **tree, do="add:0:clicked")
    assert 'name="0.1.within_days"' in grown.text
    stored = post(marketer, "/segments/new", **tree, code="austria", name="Austria")
    assert stored.status_code == 302
    assert "country is AT" in marketer.get("/segments/austria").text
    assert "is not in this segment" in marketer.get("/segments/austria?who=ada").text


def test_an_export_is_written_down(person, found):
    compliance = person(Role.COMPLIANCE)
    answer = post(compliance, "/contacts/export?kind=b2c")
    assert answer.mimetype == "text/csv"
    assert "ada@mail.example" in answer.text
    with transaction() as session:
        assert session.scalar(select(func.count()).where(AuditEvent.action == "contacts.export")) == 1
    assert post(person(Role.MARKETER), "/contacts/export").status_code == 403


def test_an_address_is_blocked_and_looked_up(person, found):
    compliance = person(Role.COMPLIANCE)
    answer = post(compliance, "/suppression/block", what="Ada@Mail.Example", reason="asked by phone")
    assert answer.status_code == 302
    page = compliance.get("/suppression/?address=ada@mail.example").text
    assert "blocked by us" in page
    assert "asked by phone" in page
    with transaction() as session:
        assert session.scalar(select(func.count(SuppressionEntry.id))) == 2


def test_a_slip_of_the_pen_is_said_beside_the_field(person, found):
    """To say that nothing is stored about it would be taken for an answer."""
    answer = person(Role.COMPLIANCE).get("/suppression/?address=bob@")
    assert answer.status_code == 200
    assert 'id="address-error"' in answer.text
    assert "Nothing is stored about" not in answer.text


def test_what_was_done_with_a_campaign_is_found_by_its_code(person, found):
    page = person(Role.COMPLIANCE).get(f"/audit?q={found.running}").text
    assert "campaign.approved" in page
    assert f'href="/campaigns/{found.running}"' in page
    assert f'href="/campaigns/{found.waiting}"' not in page


def test_messages_that_never_came_to_the_gate_are_shown_with_their_reason(person, found):
    page = person(Role.COMPLIANCE).get(f"/campaigns/{found.running}").text
    assert "Kept back, and why" in page
    assert "opted out" in page[page.index("Kept back, and why") :]


def test_an_entry_is_lifted_by_two_people_and_never_by_one(person, found):
    compliance, admin, marketer = person(Role.COMPLIANCE), person(Role.ADMIN), person(Role.MARKETER)
    assert (
        post(compliance, "/suppression/block", what="@rival.example", kind="competitor", reason="x").status_code == 302
    )
    assert post(marketer, "/suppression/entries/2/lift", reason="a <b>mistake</b>").status_code == 302
    assert post(marketer, "/suppression/lifts/1/agree").status_code == 403
    assert "/suppression/lifts/1/agree" not in marketer.get("/suppression/blocks").text
    assert post(compliance, "/suppression/lifts/1/refuse", reason="no").status_code == 302
    assert post(compliance, "/suppression/entries/2/lift", reason="on second thoughts").status_code == 302
    assert "/suppression/lifts/2/agree" not in compliance.get("/suppression/blocks").text
    assert post(compliance, "/suppression/lifts/2/agree").status_code == 403
    page = admin.get("/suppression/blocks").text
    assert "/suppression/lifts/2/agree" in page
    assert "on second thoughts" in page
    assert post(admin, "/suppression/lifts/2/agree").status_code == 302
    assert "<td>lifted</td>" in admin.get("/suppression/blocks").text


def test_what_a_person_said_has_no_button_to_take_it_back(person, found):
    compliance = person(Role.COMPLIANCE)
    page = compliance.get("/suppression/?address=bob@mail.example").text
    assert "opt-in that the person confirms" in page
    assert "/suppression/entries/1/lift" not in page
    assert post(compliance, "/suppression/entries/1/lift", reason="please").status_code == 403


def test_a_broken_list_changes_nothing_and_says_why(person, found):
    compliance = person(Role.COMPLIANCE)
    form = {
        "list_id": "at.ecg.file",
        "file": (io.BytesIO(b"x" * 21), "ecg.hash"),
        "csrf_token": form_token(compliance, "/profile"),
    }
    answer = compliance.post("/suppression/lists", data=form, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.text


def test_a_lead_is_answered_once(person, found):
    sales = person(Role.SALES)
    assert 'clicked <span class="text-secondary">clicks, ' in sales.get("/leads/").text
    assert post(sales, "/leads/1/reject", reason="because").status_code == 422
    assert post(sales, "/leads/1/accept").status_code == 302
    assert post(sales, "/leads/1/reject", reason="no_budget").status_code == 403
    with transaction() as session:
        assert session.scalar(select(Handover.state)) == "accepted"


def test_hostile_names_stay_text_everywhere(person, found):
    hostile = '"><svg onload=alert(1)><script>alert(2)</script>'
    with engine().begin() as connection:
        connection.execute(text("UPDATE contact SET first_name = :n, last_name = :n, source = :n"), {"n": hostile})
        connection.execute(text("UPDATE segment SET name = :n, description = :n"), {"n": hostile})
        connection.execute(text("UPDATE campaign SET name = :n"), {"n": hostile})
        connection.execute(text("UPDATE template SET name = :n"), {"n": hostile})
    admin = person(Role.ADMIN)
    pages = ("/", "/contacts/", "/contacts/1", "/segments/", "/segments/everyone", "/segments/everyone/size")
    for path in (*pages, "/templates/", "/templates/boots", "/campaigns/", "/campaigns/summer", "/leads/", "/audit"):
        answer = admin.get(path)
        assert answer.status_code == 200
        assert "<svg onload" not in answer.text
        assert "<script>alert" not in answer.text


def test_erasing_a_person_keeps_the_objection(person, found):
    compliance = person(Role.COMPLIANCE)
    with transaction() as session:
        bob = session.scalar(select(Contact.id).where(Contact.number == "bob"))
    assert post(compliance, f"/contacts/{bob}/erase", reason="asked for it").status_code == 302
    assert compliance.get(f"/contacts/{bob}").status_code == 404
    assert "opted out" in compliance.get("/suppression/?address=bob@mail.example").text


@pytest.mark.parametrize("path", ["/contacts/99999999999999999999", "/contacts/9223372036854775808", "/contacts/0"])
def test_a_number_beyond_all_rows_is_just_not_found(person, found, path):
    assert person(Role.ADMIN).get(path).status_code == 404


def test_all_pages_come_in_german(person, found):
    admin = person(Role.ADMIN)
    post(admin, "/profile/language", locale="de")
    assert "Warten auf Freigabe" in admin.get("/").text
    assert "Dürfen wir jetzt schreiben?" in admin.get(f"/contacts/{found.contact}").text
    assert "Alle Siegel passen" in post(admin, "/audit/verify").text
