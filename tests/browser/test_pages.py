"""Every page in light, in dark and on a phone: no complaint of the browser, no obstacle for anybody."""

import os
import re
from pathlib import Path

import pytest

from tests.browser.conftest import Visitor
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

# Read before fixtures take the variables of Crusoe away.
SCREENSHOTS = os.environ.get("CRUSOE_SCREENSHOTS")

LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
    "german": {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
}


def pages(world: World) -> list[str]:
    return [
        "/",
        "/contacts/",
        f"/contacts/{world.contact}",
        "/import",
        "/segments/",
        f"/segments/{world.segment}?who=ada",
        f"/segments/{world.segment}/edit",
        "/segments/new",
        "/templates/",
        f"/templates/{world.template}",
        f"/templates/{world.template}/edit",
        "/campaigns/",
        f"/campaigns/{world.waiting}",
        f"/campaigns/{world.running}",
        f"/campaigns/{world.waiting}/edit",
        "/campaigns/new",
        "/suppression/?address=bob@mail.example",
        "/suppression/block",
        "/suppression/lists/new",
        "/leads/",
        "/inbox",
        f"/inbox/{world.mail}",
        "/audit",
        "/users",
        "/profile",
    ]


@pytest.mark.parametrize(("look", "visitor"), LOOKS.items(), indirect=["visitor"], ids=LOOKS)
def test_every_page_is_clean(visitor: Visitor, look: str) -> None:
    problems = []
    visitor.sign_in(visitor.site.world.admin)
    if look == "german":
        visitor.page.goto(f"{visitor.site.url}/profile")
        visitor.page.select_option("#locale", "de")
        visitor.page.click("text=Save the language")
    for path in pages(visitor.site.world):
        visitor.open(path)
        if SCREENSHOTS:
            name = re.sub(r"\W+", "-", path).strip("-") or "dashboard"
            Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
            visitor.page.screenshot(path=f"{SCREENSHOTS}/{name}.{look}.png", full_page=True)
        problems += [f"{path} {obstacle}" for obstacle in visitor.unfair()]
        problems += [f"{path} {complaint}" for complaint in visitor.complaints]
        if visitor.page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            problems.append(f"{path} is wider than the window")
        visitor.complaints.clear()
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(("look", "visitor"), LOOKS.items(), indirect=["visitor"], ids=LOOKS)
def test_the_log_in_page_is_clean(visitor: Visitor, look: str) -> None:
    visitor.open("/sign-in")
    assert visitor.unfair() == []
    assert visitor.complaints == []
