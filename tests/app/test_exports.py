"""Every list leaves as a file by one door, and who took it is written down."""

import csv
import io

import pytest
from sqlalchemy import select

from contacts import erase
from contacts.models import Contact
from core.audit import AuditEvent
from core.db import transaction
from core.permissions import Role
from tests.browsing import form_token, post


def rows(answer):
    assert answer.status_code == 200, answer.text
    assert answer.data.startswith(b"\xef\xbb\xbf"), "spreadsheets would misread every umlaut"
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def exports():
    with transaction() as session:
        wanted = select(AuditEvent).where(AuditEvent.action.like("%.export")).order_by(AuditEvent.id)
        return [(event.actor, event.action, event.details) for event in session.scalars(wanted)]


def test_a_file_holds_what_the_list_was_narrowed_to(person, found):
    compliance = person(Role.COMPLIANCE)
    everybody = rows(post(compliance, "/contacts/export?sort=number"))
    assert [row["number"] for row in everybody] == ["ada", "bob", "cleo", "dora", "emil", "fritz"]
    assert [row["email"] for row in rows(post(compliance, "/contacts/export?q=bob"))] == ["bob@mail.example"]
    entries = rows(post(compliance, "/suppression/export?cause=opted_out"))
    assert [row["address"] for row in entries] == ["bob@mail.example"]
    assert rows(post(compliance, "/suppression/export?cause=complaint")) == []


def test_who_took_what_is_written_down_without_what_was_searched_for(person, found):
    post(person(Role.COMPLIANCE), "/contacts/export?q=bob@mail.example&kind=b2c")
    ((actor, action, details),) = exports()
    assert (actor, action, details["rows"], details["searched"]) == (
        "compliance@crew.example",
        "contacts.export",
        1,
        True,
    )
    assert details["question"]["kind"] == "b2c"
    assert "bob" not in str(details)


@pytest.mark.parametrize("path", ["/contacts", "/suppression", "/leads", "/decisions"])
def test_lists_of_people_are_taken_only_by_those_who_may(person, found, path):
    assert post(person(Role.MARKETER), f"{path}/export").status_code == 403
    page = person(Role.MARKETER).get(f"{path}/".replace("decisions/", "decisions")).text
    assert 'id="listing"' in page
    assert f"{path}/export" not in page
    assert exports() == []
    assert rows(post(person(Role.COMPLIANCE), f"{path}/export"))


def test_sales_take_the_leads_they_work_with_and_no_other_list(person, found):
    sales = person(Role.SALES)
    assert "/leads/export" in sales.get("/leads/").text
    (lead,) = rows(post(sales, "/leads/export"))
    assert lead["contact"] == "Ada"
    assert post(sales, "/contacts/export").status_code == 403
    ((actor, action, details),) = exports()
    assert (actor, action, details["rows"]) == ("sales@crew.example", "leads.export", 1)


def test_a_file_holds_what_cells_of_the_page_only_hint_at(person, found):
    admin = person(Role.ADMIN)
    post(admin, "/users/1/switch", active="no")
    (event,) = [row for row in rows(post(admin, "/audit/export")) if row["action"].startswith("user.")][:1]
    assert event["object_id"] == "1"
    assert event["details"].startswith("{")


def test_the_standing_of_the_lists_is_a_file_too(person, found):
    lists = rows(post(person(Role.MARKETER), "/suppression/lists/export"))
    assert "at.ecg.file" in {row["list"] for row in lists}
    assert {row["state"] for row in lists} <= {"fresh", "outdated", "missing"}


def test_decisions_are_found_by_verdict_campaign_and_address(person, found):
    compliance = person(Role.COMPLIANCE)
    everything = rows(post(compliance, "/decisions/export"))
    assert {row["campaign"] for row in everything} == {"summer"}
    refused = rows(post(compliance, "/decisions/export?verdict=block"))
    assert {row["reasons"] for row in refused if row["address"] == "bob@mail.example"} == {"opted_out"}
    assert len(refused) < len(everything)
    assert len(rows(post(compliance, "/decisions/export?q=summ"))) == len(everything)
    assert rows(post(compliance, "/decisions/export?q=winter")) == []
    bob = rows(post(compliance, "/decisions/export?q=Bob@Mail.example"))
    assert {row["address"] for row in bob} == {"bob@mail.example"}
    assert rows(post(compliance, "/decisions/export?q=nobody@nowhere.example")) == []
    assert rows(post(compliance, "/decisions/export?q=@")) == []
    page = compliance.get("/decisions?q=bob@mail.example").text
    assert "opted out" in page
    assert "when planned" in page


def test_decisions_about_an_erased_person_are_still_found(person, found):
    compliance = person(Role.COMPLIANCE)
    with transaction() as session:
        bob = session.scalar(select(Contact.id).where(Contact.number == "bob"))
        erase(session, bob, actor="compliance@crew.example", reason="asked")
    (row,) = rows(post(compliance, "/decisions/export?q=bob@mail.example"))
    assert (row["address"], row["reasons"]) == ("", "opted_out")


def test_large_lists_take_a_large_file(person, found):
    """The form token is looked for before the view says how large its file may be."""
    compliance = person(Role.COMPLIANCE)
    form = {
        "list_id": "at.ecg.file",
        "file": (io.BytesIO(bytes(6_000_000)), "ecg.hash"),
        "csrf_token": form_token(compliance, "/profile"),
    }
    answer = compliance.post("/suppression/lists", data=form, content_type="multipart/form-data")
    assert answer.status_code != 413
