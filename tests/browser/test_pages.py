"""Every page in light, in dark and on a phone: no complaint of the browser, no obstacle for anybody."""

import re

import pytest
from sqlalchemy import select

from app.imports.models import ImportJob
from app.imports.storage import Folder
from app.web import create_app
from contacts import save_consent_text
from contacts.consent_models import Consent
from core import clock
from core.db import transaction
from delivery.models import Sender
from tests.browser.conftest import IN_EVERY_LOOK, Visitor
from tests.guards.test_routes import PUBLIC
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


# Pieces that pages fetch by themselves, what a frame shows, and what is no page.
PIECES = {
    "static",
    "app.favicon",
    "app.health",
    "app.inbox_html",
    "app.import_progress",
    "app.rule_effect",
    "app.campaign_evidence_progress",
    "campaigns.mail",
    "campaigns.progress",
    "segments.size",
    "senders.progress",
    "templates.preview_version",
}


# Pages to print carry no script and allow none, not even that of a test: their content is looked at by itself.
PRINTED = {"/processing-record"}


def examples(world: World) -> dict[str, list[str]]:
    """Pages about something, by the names of their views, each with something to look at."""
    with transaction() as session:
        # Without words to agree to, the form for consents on paper is not shown.
        save_consent_text(session, version="paper-1", locale="en", text="I agree to get the newsletter.")
        consent = session.scalars(select(Consent.reference).limit(1)).one()
        sender = session.scalars(select(Sender.code).limit(1)).one()
    return {
        "app.campaign_evidence": [f"/campaigns/{world.running}/evidence"],
        "app.consent": [f"/consents/{consent}"],
        "app.erasure_receipt": [],
        "app.import_page": imports(),
        "app.inbox_mail": [f"/inbox/{world.mail}"],
        "app.one_list": ["/lists/at.ecg.file"],
        "app.person": [f"/contacts/{world.contact}"],
        "app.rule_version": ["/rules/1"],
        "app.look_up_address": ["/look-up", "/look-up?address=bob@mail.example"],
        "campaigns.edit": [f"/campaigns/{world.waiting}/edit"],
        "campaigns.show": [f"/campaigns/{world.waiting}", f"/campaigns/{world.running}"],
        "holds.show": [],
        "segments.edit": [f"/segments/{world.segment}/edit"],
        "segments.show": [f"/segments/{world.segment}?who=ada"],
        "senders.doctor": [f"/senders/{sender}/doctor"],
        "senders.edit_limits": [f"/senders/{sender}/limits/edit"],
        "senders.limits": [f"/senders/{sender}/limits"],
        "suppression.index": ["/suppression/?address=bob@mail.example"],
        "templates.edit": [f"/templates/{world.template}/edit"],
        "templates.show": [f"/templates/{world.template}"],
    }


def pages(world: World) -> list[str]:
    """Every page there is behind the log-in."""
    named, found = examples(world), []
    for rule in create_app().url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint not in PIECES | PUBLIC:
            found += named[rule.endpoint] if rule.endpoint in named else [str(rule)]
    return sorted(found)


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


@IN_EVERY_LOOK
def test_every_page_is_clean(visitor: Visitor, look: str) -> None:
    problems = []
    visitor.sign_in(visitor.site.world.admin)
    if look == "phone":
        # In German, whose words are longer.
        visitor.page.goto(f"{visitor.site.url}/profile")
        visitor.page.select_option("#locale", "de")
        visitor.page.click("text=Save the language")
    for path in pages(visitor.site.world):
        visitor.show(path) if path in PRINTED else visitor.open(path)
        name = re.sub(r"\W+", "-", path).strip("-") or "dashboard"
        problems += visitor.problems(f"{name}.{look}")
    assert not problems, "\n".join(problems)


@IN_EVERY_LOOK
def test_the_log_in_page_is_clean(visitor: Visitor, look: str) -> None:
    visitor.open("/sign-in")
    assert visitor.problems(f"sign-in.{look}") == []
