"""The pages of recipients as they are met: through a form and through the links of real mails, in every look."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from preferences.limits import FASTEST
from tests.browser.conftest import IN_EVERY_LOOK, Visitor
from tests.campaigns.planning import work_until_done
from tests.preferences import scene
from tests.smtp_sink import Sink
from tracking import Purpose

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def link(sink: Sink, recipient: str, kind: str) -> str:
    """The path of a link in the newest mail to somebody: `u` unsubscribe, `p` preferences, `w` why, `k` confirm."""
    (taken,) = [one for one in sink.taken if one.recipient == recipient][-1:]
    body = message_from_bytes(taken.content, policy=policy.SMTP).get_body(("html",))
    (found, *_) = re.findall(rf'"(https?://[^"]+/{kind}/[^"]+)"', body.get_content())
    return urlsplit(found).path


@pytest.fixture
def walk(visitor: Visitor, request: pytest.FixtureRequest) -> Iterator[Callable[[str], None]]:
    """Look at the open page closely; what is wrong with it is collected until the end of the test."""
    problems: list[str] = []
    look = request.node.callspec.params["look"]

    def closely(name: str) -> None:
        problems.extend(visitor.problems(f"recipient-{name}.{look}"))
        problems.extend(f"{name}: out of reach: {one}" for one in visitor.out_of_reach())

    yield closely
    assert not problems, "\n".join(problems)


def press(page: Page, address: str) -> None:
    """Sign up, not faster than a person."""
    page.fill("#email", address)
    page.check("#consent")
    page.wait_for_timeout(FASTEST / timedelta(milliseconds=1) + 200)
    page.click("button")


@IN_EVERY_LOOK
def test_the_way_from_a_form_to_a_confirmed_sign_up_is_clean(sink, visitor, look, walk):
    scene.form(topics=("boots", "tents"))
    visitor.open("/s/news")
    walk("sign-up")
    press(visitor.page, "nora@mail")
    expect(visitor.page.locator("#mistake")).to_be_visible()
    visitor.complaints.clear()
    walk("sign-up-mistake")
    press(visitor.page, "nora@mail.example")
    expect(visitor.page.locator("main:not(:has(form))")).to_be_visible()
    walk("asked")
    work_until_done()
    visitor.open(link(sink, "nora@mail.example", "k"))
    walk("confirm")
    visitor.page.click("button")
    expect(visitor.page.locator("main:not(:has(button))")).to_be_visible()
    walk("confirmed")


@IN_EVERY_LOOK
def test_what_a_mail_leads_to_is_clean(sink, visitor, look, walk):
    scene.form(topics=("boots", "tents"))
    work_until_done()
    visitor.open(link(sink, "ada@mail.example", "w"))
    walk("why")
    visitor.open(link(sink, "ada@mail.example", "p"))
    walk("preferences")
    visitor.page.select_option("#pause", "3")
    visitor.page.select_option("#most_per_month", "2")
    visitor.page.check("#individual")
    visitor.page.locator("form").first.locator("button").click()
    expect(visitor.page.get_by_role("status")).to_be_visible()
    walk("preferences-saved")
    visitor.page.locator("a[href*='/data?']").click()
    held = visitor.page.locator("main").inner_text()
    assert not re.search(r"double_opt_in|individual|aggregate", held), "codes of ours are no answer"
    walk("held")
    visitor.open(link(sink, "ada@mail.example", "u"))
    walk("unsubscribe")
    visitor.page.locator("button[value=list]").click()
    expect(visitor.page.get_by_role("status")).to_be_visible()
    walk("unsubscribed")
    visitor.open(link(sink, "cleo@mail.example", "u"))
    visitor.page.locator("button[value=everything]").click()
    expect(visitor.page.get_by_role("status")).to_be_visible()
    walk("objected")


@IN_EVERY_LOOK
def test_links_that_are_old_or_broken_are_explained(visitor, look, walk):
    old = scene.mail_to("olga", age=timedelta(days=40))
    visitor.open(f"/p/{old[Purpose.PREFERENCES]}")
    walk("preferences-old")
    visitor.open("/u/AAAA", status=404)
    visitor.complaints.clear()
    walk("link-unknown")
