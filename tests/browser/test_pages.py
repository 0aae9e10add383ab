"""Every page in light, in dark and on a phone: no complaint of the browser, no obstacle for anybody."""

import re

import pytest

from app.imports.models import ImportJob
from app.imports.storage import Folder
from core import clock
from core.db import transaction
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
        "/suppression/blocks",
        "/holds/",
        "/api-tokens",
        "/suppression/lists/new",
        "/decisions",
        "/leads/",
        "/inbox",
        f"/inbox/{world.mail}",
        "/audit",
        "/users",
        "/profile",
    ]


def imports() -> list[str]:
    """The pages of an import that runs, of one that failed and of one that has ended."""
    common = {"kind": "contacts", "name": "people.csv", "size": 9, "dry_run": False, "asked_by": "admin@crew.example"}
    running = {"state": "running", "token": "t", "lease_until": clock.now(), "lines_total": 9000, "lines_done": 4000}
    mistake = {"code": "column_missing", "message": "No column for email.", "remedy": "", "where": "people.csv:1"}
    failed = {"state": "failed", "ended_at": clock.now(), "error": mistake}
    counts = {"rows": 9, "created": 5, "updated": 2, "unchanged": 1, "rejected": 1}
    with transaction() as session:
        jobs = [ImportJob(**common, **more) for more in (running, failed, {"state": "done", "ended_at": clock.now()})]
        session.add_all(jobs)
        session.flush()
        for name, count in counts.items():
            setattr(jobs[-1], name, count)
    rejected = Folder(jobs[-1].id).rejected
    rejected.parent.mkdir(parents=True)
    rejected.write_text("line,field,reason,explanation\n3,email,address_without_at,The address has no @.\n")
    return [f"/import/{job.id}" for job in jobs]


@pytest.mark.parametrize(("look", "visitor"), LOOKS.items(), indirect=["visitor"], ids=LOOKS)
def test_every_page_is_clean(visitor: Visitor, look: str) -> None:
    problems = []
    started = imports()
    visitor.sign_in(visitor.site.world.admin)
    if look == "german":
        visitor.page.goto(f"{visitor.site.url}/profile")
        visitor.page.select_option("#locale", "de")
        visitor.page.click("text=Save the language")
    for path in [*started, *pages(visitor.site.world)]:
        visitor.open(path)
        name = re.sub(r"\W+", "-", path).strip("-") or "dashboard"
        problems += visitor.problems(f"{name}.{look}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(("look", "visitor"), LOOKS.items(), indirect=["visitor"], ids=LOOKS)
def test_the_log_in_page_is_clean(visitor: Visitor, look: str) -> None:
    visitor.open("/sign-in")
    assert visitor.unfair() == []
    assert visitor.complaints == []
