"""The work of each kind of user from its beginning to its end, as they do it: in a browser."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, select, text

import campaigns
import segments
from app.imports.tasks import import_next
from contacts.models import Contact
from core import clock, users
from core.db import engine, transaction
from lead_handover.models import Handover, LeadState
from tests.browser.conftest import Site, Visitor
from tests.browser.test_recipients import link, press
from tests.campaigns.planning import work_until_done
from tests.preferences import scene

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

BROKEN = "<p>Hello {{ contact.first_name }}</p>\n{% if contact.country %}\n<p>Snow</p>"
STRANGE = "<p>Hello {{ contact.first_name }}</p>\n<p>Size {{ contact.shoe_size }}</p>"
SOUND = "<p>Hello {{ contact.first_name }}, snow is coming.</p>"


@pytest.fixture
def as_person(browser: Browser, site: Site) -> Iterator[Callable[[str], Visitor]]:
    """A browser of their own for everybody who takes part; nobody's may complain, except about what is refused."""
    seats: dict[str, Visitor] = {}

    def sit_down(role: str) -> Visitor:
        if role not in seats:
            page = browser.new_context(locale="en-GB").new_page()
            seats[role] = visitor = Visitor(page=page, site=site)
            page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
            page.on("console", lambda said: visitor.complaints.append(said.text) if said.type == "error" else None)
            page.on("dialog", lambda dialog: dialog.accept())
            if role != "recipient":
                visitor.sign_in(f"{role}@crew.example")
        return seats[role]

    yield sit_down
    refused = re.compile("status of 4(03|04|22)")
    said = {role: [one for one in seat.complaints if not refused.search(one)] for role, seat in seats.items()}
    for seat in seats.values():
        seat.page.context.close()
    assert not any(said.values()), said


def has_stale_consent(name: str) -> None:
    """The person confirmed 20 months ago and was not written to since."""
    with engine().begin() as connection:
        connection.execute(
            text(
                "UPDATE consent SET requested_at = now() - interval '20 months', confirmed_at = now() - interval"
                " '20 months' WHERE address_id = (SELECT e.address_id FROM endpoint e JOIN contact c"
                " ON c.id = e.contact_id WHERE c.number = :name)"
            ),
            {"name": name},
        )


def build_a_segment(marketer: Visitor) -> None:
    page = marketer.page
    marketer.open("/segments/new")
    page.fill("#code", "germany")
    page.fill("#name", "Germany")
    page.fill("[name='0.0.value']", "DE")
    page.click("text=Count again")
    expect(page.locator("#builder .h2").first).to_have_text("4")
    page.click("button:has-text('Save')")
    page.wait_for_url(re.compile("/segments/germany$"))


def write_a_mail(marketer: Visitor) -> None:
    page = marketer.page
    marketer.open("/templates/new")
    page.fill("#code", "snow")
    page.fill("#name", "Snow")
    page.fill("#subject", "Snow is coming")
    page.select_option("#markup", "html")
    for body, said, place in ((BROKEN, "never closed", "2"), (STRANGE, "shoe_size", "2")):
        page.fill("#body", body)
        page.click("button:has-text('Save')")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text(said)
        expect(alert).to_contain_text(re.compile(rf"line {place}\b"))
        expect(page.locator("#body")).to_have_value(body)
        marketer.keep_picture(f"work-template-{said.replace(' ', '-')}")
    page.fill("#body", SOUND)
    page.click("button:has-text('Save')")
    page.wait_for_url(re.compile("/templates/snow$"))


def plan_and_check(marketer: Visitor) -> None:
    page = marketer.page
    marketer.open("/campaigns/new")
    page.fill("#code", "snow")
    page.fill("#name", "Snow")
    page.select_option("#segment", "germany")
    page.select_option("#template", "snow")
    page.click("text=Save the plan")
    page.wait_for_url(re.compile("/campaigns/snow$"))
    page.click("button:has-text('Check')")
    expect(page.get_by_text("The audience when it was checked")).to_be_visible()
    page.click("text=What the reasons mean, and examples")
    expect(page.locator("li", has_text="objected after the latest").get_by_role("link")).to_have_text(["Bob"])
    expect(page.locator("li", has_text="18 to 24 months").get_by_role("link")).to_have_text(["Dora"])
    marketer.keep_picture("work-check")


def test_a_campaign_is_made_by_two_people_and_a_hold_released_by_a_third(sink, as_person):
    has_stale_consent("dora")
    marketer, releaser = as_person("marketer"), as_person("releaser")
    build_a_segment(marketer)
    write_a_mail(marketer)
    plan_and_check(marketer)
    marketer.page.click("text=Submit for approval")
    expect(marketer.page.get_by_text("somebody else must look at it")).to_be_visible()
    assert refused(marketer.page, "/campaigns/snow/approve") == 403

    releaser.open("/")
    releaser.page.get_by_role("link", name="Snow").first.click()
    releaser.page.fill("#approve-reason", "fits the winter plan")
    releaser.page.click("button:has-text('Approve')")
    expect(releaser.page.get_by_text("fits the winter plan")).to_be_visible()

    marketer.open("/campaigns/snow")
    marketer.page.click("button:has-text('Launch')")
    expect(marketer.page.locator("#progress")).to_contain_text("being written down")
    work_until_done()
    expect(marketer.page.locator("#progress")).to_contain_text("4 of 4", timeout=10_000)
    assert {one.recipient for one in sink.taken if "Snow is coming" in str(one.content)} == {
        "ada@mail.example",
        "cleo@mail.example",
    }

    compliance = as_person("compliance")
    compliance.open("/campaigns/snow")
    compliance.page.click("text=What releasing it would do")
    compliance.page.fill("#reason", "she asked for it by telephone")
    compliance.keep_picture("work-hold")
    compliance.page.get_by_role("button", name="Release 1 message").click()
    expect(compliance.page.get_by_text("1 message is ready again")).to_be_visible()
    work_until_done()
    assert [one.recipient for one in sink.taken if "Snow is coming" in str(one.content)].count("dora@mail.example") == 1
    compliance.open("/audit?q=snow")
    compliance.keep_picture("work-audit")
    expect(compliance.page.get_by_text("she asked for it by telephone").first).to_be_visible()


def refused(page: Page, path: str) -> int:
    """The status of a POST that no button offers."""
    return page.evaluate(
        """path => fetch(path, {method: "POST", headers: {
            "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content}}).then(answer => answer.status)""",
        path,
    )


def test_compliance_finds_out_why_and_keeps_the_lists(sink, as_person, tmp_path):
    work_until_done()
    compliance = as_person("compliance")
    page = compliance.page
    compliance.open("/suppression/")
    page.fill("#address", "bob@")
    page.get_by_role("button", name="Look up").click()
    expect(page.locator("#address-error")).to_be_visible()
    page.fill("#address", "bob@mail.example")
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_text("The person objected after the latest confirmation.").first).to_be_visible()
    page.click("summary:has-text('evidence')")
    expect(page.get_by_text("no more")).to_be_visible()
    compliance.keep_picture("work-lookup")
    page.click("text=Everything about this person")
    page.locator("td summary", has_text="proof").first.click()
    compliance.keep_picture("work-person")
    expect(page.locator("td dl.facts", has_text="Entry in our own list").first).to_contain_text("opted out")

    wrong = tmp_path / "ecg-liste.hash"
    wrong.write_bytes(bytes(50))
    compliance.open("/suppression/lists/new")
    page.set_input_files("#file", wrong)
    page.click("text=Check and put into force")
    expect(page.locator("#file-error")).to_contain_text("20")
    compliance.keep_picture("work-list")
    put_a_list_into_force(compliance, tmp_path)


def put_a_list_into_force(compliance: Visitor, folder: Path) -> None:
    """Without one, everybody whose country is not known is held."""
    file = folder / "ecg-liste.hash"
    file.write_bytes(bytes(range(200)))
    compliance.open("/suppression/lists/new")
    compliance.page.set_input_files("#file", file)
    compliance.page.click("text=Check and put into force")
    expect(compliance.page.get_by_text("with 10 records is in force")).to_be_visible()


def test_sales_takes_one_lead_and_turns_another_down(as_person):
    with transaction() as session:
        cleo = session.scalar(select(Contact.id).where(Contact.number == "cleo"))
        due = clock.now() + timedelta(hours=2)
        session.execute(insert(Handover).values(contact_id=cleo, state=LeadState.OPEN, points=30, lines=[], due_at=due))
    sales = as_person("sales")
    page = sales.page
    sales.open("/")
    page.get_by_role("link", name="Leads").first.click()
    ada, cleo_row = page.locator("tbody tr", has_text="Ada"), page.locator("tbody tr", has_text="Cleo")
    ada.locator("summary", has_text="Why now?").click()
    expect(ada.get_by_text(re.compile("clicked"))).to_be_visible()
    ada.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("The lead is yours")).to_be_visible()
    expect(ada.get_by_text("accepted", exact=True)).to_be_visible()
    expect(ada).to_contain_text("sales@crew.example")
    cleo_row.locator("summary", has_text="Reject").click()
    cleo_row.locator("select").select_option("no_budget")
    sales.keep_picture("work-leads")
    cleo_row.get_by_role("button", name="Reject").click()
    expect(cleo_row.get_by_text("no budget")).to_be_visible()
    sales.keep_picture("work-leads-after")


def plan_for_everybody(code: str) -> None:
    """A campaign that waits for its approval; people who signed up have no customer number."""
    with transaction() as session:
        author = users.actor(session, "marketer@crew.example")
        definition = segments.parse({"all": []})
        segments.save(session, code="all", name="All", definition=definition, actor=author.email)
        plan = campaigns.Plan(code=code, name=code.title(), segment="all", template="boots", sender="news")
        campaign = campaigns.save(session, plan=plan, actor=author.email)
        campaigns.check_campaign(session, campaign=campaign, actor=author.email)
        campaigns.submit(session, campaign=campaign, actor=author)


def test_a_recipient_signs_up_decides_and_objects(sink, as_person, tmp_path):
    compliance = as_person("compliance")
    put_a_list_into_force(compliance, tmp_path)
    scene.form(topics=("boots", "tents"))
    recipient = as_person("recipient")
    page = recipient.page
    recipient.open("/s/news")
    press(page, "nora@mail.example")
    work_until_done()
    recipient.open(link(sink, "nora@mail.example", "k"))
    page.click("button")
    expect(page.get_by_text("Your sign-up is confirmed")).to_be_visible()

    plan_for_everybody("spring")
    releaser, marketer = as_person("releaser"), as_person("marketer")
    releaser.open("/campaigns/spring")
    releaser.page.click("button:has-text('Approve')")
    marketer.open("/campaigns/spring")
    marketer.page.click("button:has-text('Launch')")
    expect(marketer.page.locator("#progress")).to_be_visible()
    work_until_done()

    recipient.open(link(sink, "nora@mail.example", "p"))
    page.uncheck("#topic1")
    page.select_option("#language", "de")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_be_visible()
    expect(page.locator("#topic1")).not_to_be_checked()
    page.locator("button[value=everything]").click()
    expect(page.get_by_role("status")).to_be_visible()

    compliance.open("/suppression/?address=nora@mail.example")
    expect(compliance.page.get_by_text("The person objected after the latest confirmation.").first).to_be_visible()
    compliance.keep_picture("work-objected")


def test_a_file_is_imported_while_the_page_shows_how_far_it_is(as_person, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("number,email,first_name\nn1,new@mail.example,New\nn2,nobody.example,Bad\n")
    marketer = as_person("marketer")
    page = marketer.page
    marketer.open("/contacts/")
    page.click("text=Import a file")
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("waits for its turn")).to_be_visible()
    marketer.keep_picture("work-import-waiting")
    import_next.run()
    expect(page.locator("h2", has_text="Rejected rows")).to_be_visible(timeout=5_000)
    expect(page.locator("td", has_text="address_without_at")).to_be_visible()
    marketer.keep_picture("work-import-done")
    with page.expect_download() as download:
        page.click("text=All as CSV")
    assert "nobody.example" in download.value.path().read_text(encoding="utf-8-sig")
    assert marketer.unfair() == []
    page.wait_for_timeout(1500)
    expect(page.locator("[hx-trigger='every 1s']")).to_have_count(0)
