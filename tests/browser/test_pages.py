"""Every page in light, in dark and on a phone: no complaint of the browser, no obstacle for anybody."""

import re

import pytest

from tests.browser.conftest import Visitor
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

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
        "/decisions",
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
        name = re.sub(r"\W+", "-", path).strip("-") or "dashboard"
        problems += visitor.problems(f"{name}.{look}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(("look", "visitor"), LOOKS.items(), indirect=["visitor"], ids=LOOKS)
def test_the_log_in_page_is_clean(visitor: Visitor, look: str) -> None:
    visitor.open("/sign-in")
    assert visitor.unfair() == []
    assert visitor.complaints == []
