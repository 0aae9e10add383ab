"""What only a browser can show: parts that are swapped, previews that follow, looks that stay."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PHONE = {"viewport": {"width": 390, "height": 844}}


def test_a_segment_grows_without_leaving_the_page(visitor: Visitor) -> None:
    visitor.sign_in("marketer@crew.example")
    visitor.open("/segments/new")
    page = visitor.page
    page.fill("#code", "austria")
    page.fill("#name", "Austria")
    page.fill("[name='0.0.value']", "AT")
    page.click("text=Count again")
    expect(page.locator("#builder .h2").first).to_have_text("2")
    page.locator("summary", has_text="Add").first.click()
    page.click("button[value='add:0:any']")
    expect(page.locator("[name='0.1.0.field']")).to_be_visible()
    assert page.url.endswith("/segments/new")
    assert page.input_value("#code") == "austria"
    page.click("button[value='remove:0.1']")
    expect(page.locator("[name='0.1.0.field']")).to_have_count(0)
    page.click("text=Save")
    page.wait_for_url(re.compile("/segments/austria$"))
    expect(page.get_by_text("country is AT").first).to_be_visible()
    assert visitor.complaints == []


def test_a_list_narrows_while_somebody_types(visitor: Visitor) -> None:
    visitor.sign_in("marketer@crew.example")
    visitor.open("/contacts/")
    page = visitor.page
    expect(page.locator("tbody tr")).to_have_count(6)
    page.locator("#q").press_sequentially("ada")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "q=ada" in page.url
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(6)
    page.click("th a:has-text('Customer no.')")
    expect(page.locator("tbody tr").first).to_contain_text("ada")
    assert visitor.complaints == []


def test_the_preview_follows_what_is_typed(visitor: Visitor) -> None:
    visitor.sign_in("marketer@crew.example")
    visitor.open("/templates/boots/edit")
    page = visitor.page
    frame = page.frame_locator("iframe[name=preview]")
    expect(frame.get_by_text("Hello Maria")).to_be_visible()
    page.fill(
        "#body",
        "<mjml><mj-body><mj-section><mj-column><mj-text>Snow</mj-text></mj-column></mj-section></mj-body></mjml>",
    )
    expect(frame.get_by_text("Snow")).to_be_visible()
    assert visitor.complaints == []


def test_dark_stays_dark(visitor: Visitor) -> None:
    visitor.sign_in("sales@crew.example")
    html = visitor.page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "light")
    visitor.page.click("[data-switch=theme]")
    visitor.open("/leads/")
    expect(html).to_have_attribute("data-bs-theme", "dark")


@pytest.mark.parametrize("visitor", [PHONE], indirect=True)
def test_the_menu_opens_on_a_phone(visitor: Visitor) -> None:
    visitor.sign_in("marketer@crew.example")
    link = visitor.page.locator("nav >> text=Campaigns")
    expect(link).to_be_hidden()
    visitor.page.click("[data-toggles=menu]")
    expect(link).to_be_visible()
    assert visitor.unfair() == []
    link.click()
    visitor.page.wait_for_url(re.compile("/campaigns/"))


@pytest.mark.parametrize("visitor", [{"java_script_enabled": False}], indirect=True)
def test_everything_works_without_scripts(visitor: Visitor) -> None:
    visitor.sign_in("marketer@crew.example")
    page = visitor.page
    page.goto(f"{visitor.site.url}/contacts/")
    page.fill("#q", "bob")
    page.click("button:has-text('Search')")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto(f"{visitor.site.url}/segments/new")
    page.locator("summary", has_text="Add").first.click()
    page.click("button[value='add:0:clicked']")
    expect(page.locator("[name='0.1.within_days']")).to_be_visible()


def test_progress_moves_by_itself(visitor: Visitor) -> None:
    visitor.sign_in("marketer@crew.example")
    visitor.open("/campaigns/summer")
    with visitor.page.expect_response(re.compile("/campaigns/summer/progress")) as asked:
        pass
    assert asked.value.status == 200
    expect(visitor.page.locator("#progress")).to_have_count(1)
    assert visitor.complaints == []


def test_a_campaign_shows_its_mail(visitor: Visitor) -> None:
    visitor.sign_in("releaser@crew.example")
    visitor.open("/campaigns/autumn")
    visitor.page.locator("iframe").scroll_into_view_if_needed()
    expect(visitor.page.frame_locator("iframe").get_by_text("Hello Maria")).to_be_visible()
    visitor.keep_picture("campaign-mail")
    assert visitor.complaints == []
