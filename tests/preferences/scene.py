"""A form, a campaign mail and a browser: what tests of the recipient's side begin with."""

import re
from datetime import timedelta

import time_machine
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from contacts import save_consent_text
from contacts.models import Contact, Controller, TrackingLevel
from core import clock
from core.db import transaction
from delivery.models import Message, Run
from delivery.states import MessageState, RunKind, RunState
from preferences import FormPlan, nonce, save_form
from templates import compile_version
from tests import factories
from tests.templates.samples import html_draft
from tracking import Purpose, make_message_token

WORDS = "Yes, write to me about news."


def form(code: str = "news", purpose: str = "newsletter", topics: tuple[str, ...] = ()) -> None:
    """A public form of the shop."""
    with transaction() as session:
        factories.controller(session)
        factories.sender(session, code=f"service-{code}")
        save_consent_text(session, version="v1", locale="en", text=WORDS)
        plan = FormPlan(
            code=code,
            controller="shop",
            sender=f"service-{code}",
            purpose=purpose,
            text_version="v1",
            topics=list(topics),
        )
        save_form(session, plan=plan)


def mail_to(name: str = "ann", *, consent: bool = True, age: timedelta = timedelta()) -> dict[Purpose, str]:
    """A newsletter that was sent to `<name>@mail.example`. Answers its tokens."""
    with transaction() as session:
        address_id = factories.people(session, [name], consent=consent)[name]
        run = session.scalar(select(Run).where(Run.name == "spring"))
        if run is None:
            sender = factories.sender(session, code="spring")
            made = compile_version(
                html_draft("<p>x</p>"), controller=session.get_one(Controller, sender.controller_id), sender=sender
            )
            run = Run(
                kind=RunKind.CAMPAIGN,
                name="spring",
                sender_id=sender.id,
                purpose="newsletter",
                tracking=TrackingLevel.NONE,
                content=made.to_document(),
                content_sha256=made.digest,
                state=RunState.OPEN,
            )
            session.add(run)
            session.flush()
        contact_id = session.scalar(select(Contact.id).where(Contact.number == name))
        message_id = session.scalar(
            insert(Message)
            .values(run_id=run.id, address_id=address_id, contact_id=contact_id, state=MessageState.READY)
            .returning(Message.id)
        )
        sent_at = int((clock.now() - age).timestamp())
        ids = {"run_id": run.id, "message_id": message_id, "address_id": address_id, "sent_at": sent_at}
        return {purpose: make_message_token(purpose, **ids) for purpose in Purpose}


def shown(page: str, seconds: float = 10) -> str:
    """The hidden value of a page that was shown a moment ago."""
    return nonce.make(page, now=clock.now() - timedelta(seconds=seconds))


def form_shown(client: FlaskClient, code: str = "news", seconds: float = 10) -> str:
    """Look at a form, and answer its hidden value as if that had been a moment ago."""
    with time_machine.travel(clock.now() - timedelta(seconds=seconds), tick=True):
        page = client.get(f"/s/{code}").get_data(as_text=True)
    found = re.search(r'name="shown" value="([^"]*)"', page)
    return found.group(1) if found else ""


def sign_up(client: FlaskClient, address: str, *, code: str = "news", **changes: str):
    changes.setdefault("shown", form_shown(client, code))
    return client.post(f"/s/{code}", data={"email": address, "consent": "yes", "website": ""} | changes)


def confirm(client: FlaskClient, token: str, **headers: str):
    """Press the button on the page behind the link."""
    return client.post(f"/k/{token}", data={"shown": shown(f"k/{token}")}, headers=headers)


def words(response) -> str:
    return re.sub(r"<[^>]+>|\s+", " ", response.get_data(as_text=True))
