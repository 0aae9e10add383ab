"""What really arrives in a mailbox leads to the pages, and the pages to the right effect."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from contacts.consent_models import Consent, ConsentEvent
from contacts.models import Controller, TrackingLevel
from core.db import transaction
from core.settings import settings
from delivery import open_run
from preferences.tasks import note_mails
from templates import compile_version
from tests.delivery.sending import numbers, worker, write_down
from tests.factories import people, sender
from tests.preferences import scene
from tests.smtp_sink import Sink
from tests.templates.samples import html_draft


@pytest.fixture
def sink(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    with Sink() as made:
        monkeypatch.setenv("CRUSOE_SMTP_URL", made.url)
        settings.cache_clear()
        yield made


def _newest(sink: Sink) -> EmailMessage:
    assert worker().run() is False
    return message_from_bytes(sink.taken[-1].content, policy=policy.SMTP)


def _paths(mail: EmailMessage, kind: str) -> list[str]:
    html = mail.get_body(("html",)).get_content()
    return [urlsplit(link).path for link in re.findall(rf'"(https?://[^"]+/{kind}/[^"]+)"', html)]


def test_the_mail_that_asks_leads_to_the_button_that_confirms(client, sink):
    scene.form()
    scene.sign_up(client, "ann@mail.example")
    mail = _newest(sink)
    assert mail["Subject"] == "Please confirm your sign-up"
    assert "List-Unsubscribe" not in mail
    (path,) = _paths(mail, "k")
    assert path in mail.get_body(("plain",)).get_content()
    assert "<img" not in mail.get_body(("html",)).get_content()
    client.get(path)
    scene.confirm(client, path.removeprefix("/k/"))
    note_mails.verb()
    with transaction() as session:
        assert session.scalar(select(Consent.confirmed_at)) is not None
        steps = {event.step: event.evidence for event in session.scalars(select(ConsentEvent))}
    assert steps["mail_sent"]["smtp_response"].startswith("250")


def test_a_newsletter_says_why_it_came_and_stops_with_one_click(client, sink):
    with transaction() as session:
        people(session, ["ann"])
        spring = sender(session, code="spring")
        made = compile_version(
            html_draft("<p>Dear {{ contact.first_name }}</p>"),
            controller=session.get_one(Controller, spring.controller_id),
            sender=spring,
        )
        run_id = open_run(
            session,
            name="spring",
            sender_id=spring.id,
            purpose="newsletter",
            tracking=TrackingLevel.NONE,
            compiled=made,
        )
    write_down(run_id)
    mail = _newest(sink)
    why = client.get(_paths(mail, "w")[0])
    assert "Because you agreed to it." in scene.words(why)
    assert "You confirmed on" in scene.words(why)
    assert client.get(_paths(mail, "p")[0]).status_code == 200
    assert "because you agreed" in mail.get_body(("plain",)).get_content()
    one_click = urlsplit(re.findall(r"<(https?://[^>]+)>", mail["List-Unsubscribe"])[0]).path
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert client.post(one_click, data={"List-Unsubscribe": "One-Click"}).get_data() == b"OK"
    with transaction() as session:
        again = open_run(
            session,
            name="second",
            sender_id=spring.id,
            purpose="newsletter",
            tracking=TrackingLevel.NONE,
            compiled=made,
        )
    write_down(again)
    worker().run()
    assert numbers(again) == {"audience": 1, "blocked": 1}
    assert len(sink.taken) == 1
