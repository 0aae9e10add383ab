"""Wordings and shortcuts that several tests of templates share."""

from dataclasses import dataclass, replace
from typing import Any

from contacts.models import Controller
from templates import Compiled, Draft, Rendered, Urls, Vocabulary, compile_version, render
from templates.models import Markup

CONTROLLER = Controller(
    code="bank",
    name="Branch Bank",
    imprint="Branch Bank AG\nRing 1, 1010 Wien",
    privacy_url="https://bank.example/privacy",
)
VOCABULARY = Vocabulary(contact=frozenset({"first_name", "last_name", "number", "city", "company"}))


@dataclass(frozen=True)
class Sender:
    from_name: str = "Branch Bank"
    from_address: str = "news@bank.example"


def html_draft(body: str, **changes: Any) -> Draft:
    return replace(Draft(subject="News", body=body, locale="en", markup=Markup.HTML), **changes)


def mjml_draft(inner: str, **changes: Any) -> Draft:
    body = f"<mjml><mj-body><mj-section><mj-column>{inner}</mj-column></mj-section></mj-body></mjml>"
    return html_draft(body, markup=Markup.MJML, **changes)


def compiled(draft: Draft) -> Compiled:
    return compile_version(draft, controller=CONTROLLER, sender=Sender(), vocabulary=VOCABULARY)


def urls(made: Compiled, pixel: str | None = None) -> Urls:
    return Urls(
        links=[f"https://t.example/c/{n}" for n, _ in enumerate(made.links)],
        unsubscribe="https://t.example/u/1",
        preferences="https://t.example/p/1",
        why="https://t.example/w/1",
        pixel=pixel,
    )


def rendered(draft: Draft, *, basis: str = "consent", pixel: str | None = None, **contact: Any) -> Rendered:
    made = compiled(draft)
    return render(made, values={"contact": contact, "basis": basis}, urls=urls(made, pixel))
