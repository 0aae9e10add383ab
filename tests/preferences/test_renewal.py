"""Who is asked to stay and says yes goes on getting mail; who says nothing is held in time; a refusal stands."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from urllib.parse import urlsplit

import pytest
import time_machine
from sqlalchemy import select, text

from contacts import Withdrawn, consent_records, save_consent_text, withdraw_consent
from contacts.consent_models import Consent
from contacts.models import Controller, TrackingLevel
from core import clock
from core.db import transaction
from core.evidence import verify
from core.settings import settings
from delivery import open_run
from delivery.models import Sender
from suppression import Cause, add
from templates import compile_version
from tests.delivery.sending import numbers, worker, write_down
from tests.factories import people, sender
from tests.preferences import scene
from tests.smtp_sink import Sink
from tests.templates.samples import html_draft
from tracking import Purpose

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
MONTH = timedelta(days=30.5)
ASKING = '<p>Do you want to stay with us?</p><a href="{{ renew_url }}">Stay</a>'


@pytest.fixture
def sink(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    with Sink() as made:
        monkeypatch.setenv("CRUSOE_SMTP_URL", made.url)
        settings.cache_clear()
        yield made


def campaign(name: str, body: str) -> int:
    """A run with this wording to everybody, planned and ready."""
    with transaction() as session:
        if session.scalar(text("SELECT count(*) FROM sender WHERE code = 'stay'")) == 0:
            sender(session, code="stay")
        row = session.execute(text("SELECT id, controller_id FROM sender WHERE code = 'stay'")).one()
        made = compile_version(
            html_draft(body),
            controller=session.get_one(Controller, row.controller_id),
            sender=session.get_one(Sender, row.id),
        )
        run_id = open_run(
            session, name=name, sender_id=row.id, purpose="newsletter", tracking=TrackingLevel.NONE, compiled=made
        )
    write_down(run_id)
    assert worker().run() is False
    return run_id


def confirmed_long_ago(months: float) -> None:
    """Everybody's consent is so old, and never used; its words are on record."""
    with transaction() as session:
        save_consent_text(session, version="w1", locale="en", text="Yes, news please.")
        save_consent_text(session, version="w1", locale="de", text="Ja, Neuigkeiten bitte.")
        moment = clock.now() - months * MONTH
        session.execute(
            text("UPDATE consent SET confirmed_at = :at, requested_at = :at, text_version = 'w1'"), {"at": moment}
        )


def links(sink: Sink) -> dict[str, str]:
    """The path to the page for staying, by recipient."""
    found = {}
    for taken in sink.taken:
        mail = message_from_bytes(taken.content, policy=policy.SMTP)
        html = mail.get_body(("html",)).get_content()
        paths = [urlsplit(link).path for link in re.findall(r'"(https?://[^"]+/r/[^"]+)"', html)]
        found |= {str(mail["To"]).partition("@")[0]: path for path in paths}
    return found


def press(client, path: str, **headers: str):
    return client.post(
        path, data={"shown": scene.shown(path.removeprefix("/"))}, headers={"User-Agent": PERSON} | headers
    )


def record(name: str) -> dict:
    with transaction() as session:
        number = session.scalar(
            text(
                "SELECT c.id FROM consent AS c JOIN endpoint AS e ON e.address_id = c.address_id WHERE e.value = :value"
            ),
            {"value": f"{name}@mail.example"},
        )
        return consent_records(session, [number])[number]


def test_who_confirms_stays_and_who_says_nothing_is_held_in_time(client, sink):
    with transaction() as session:
        people(session, ["ann", "ben"])
    confirmed_long_ago(17)
    before = record("ann")
    assert numbers(campaign("asking", ASKING)) == {"audience": 2, "sent": 2}
    path = links(sink)["ann"]
    plain = [message_from_bytes(one.content, policy=policy.SMTP).get_body(("plain",)) for one in sink.taken]
    assert any(path in part.get_content() for part in plain)
    page = client.get(path)
    assert "Do you want to stay?" in scene.words(page)
    assert "Yes, news please." in scene.words(page)
    assert "ann@mail.example" not in page.text
    assert "Möchten Sie dabeibleiben?" in scene.words(client.get(f"{path}?lang=de"))
    assert "Ja, Neuigkeiten bitte." in scene.words(client.get(f"{path}?lang=de"))
    assert record("ann")["confirmed_at"] == before["confirmed_at"]
    assert record("ann")["steps"] == []
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5), tick=True):
        for _ in range(2):
            assert "Thank you, you stay" in scene.words(press(client, path))
    after = record("ann")
    assert after["confirmed_at"] > before["confirmed_at"] + 16 * MONTH
    assert (after["how_given"], after["basis"], after["missing"]) == ("renewed", "double_opt_in", [])
    seen, pressed = after["steps"]
    assert (seen["step"], pressed["step"]) == ("landing_viewed", "confirmed")
    assert (pressed["method"], pressed["scanner_suspect"], pressed["text_version"]) == ("POST", False, "w1")
    with transaction() as session:
        shown = session.scalar(
            text("SELECT content FROM consent_page WHERE encode(sha256, 'hex') = :d"), {"d": pressed["page_sha256"]}
        )
        assert "Yes, news please." in shown
        assert "a…" not in shown
        assert path.removeprefix("/r/") not in shown
        assert verify(session) == []
    with time_machine.travel(datetime.now(UTC) + 2 * MONTH, tick=True):
        second = campaign("second", "<p>News of the day for everybody who wanted it.</p>")
        assert numbers(second) == {"audience": 2, "sent": 1, "held": 1}
        assert sink.taken[-1].recipient == "ann@mail.example"


def test_a_refusal_an_old_link_and_a_foreign_one_confirm_nothing(client, sink):
    with transaction() as session:
        ids = people(session, ["ann", "ben", "cleo", "dora", "emil"])
    confirmed_long_ago(17)
    campaign("asking", ASKING)
    found = links(sink)
    with transaction() as session:
        add(session, address_id=ids["ann"], cause=Cause.OPTED_OUT, at=clock.now(), source="page")
        withdraw_consent(session, address_id=ids["ben"], at=clock.now(), evidence=Withdrawn(through="letter"))
        session.execute(text("DELETE FROM consent WHERE address_id = :a"), {"a": ids["cleo"]})
        session.execute(text("UPDATE consent SET text_version = 'lost' WHERE address_id = :a"), {"a": ids["emil"]})
    for name in ("ann", "ben", "cleo", "emil"):
        assert "There is nothing to confirm" in scene.words(press(client, found[name])), name
    with time_machine.travel(datetime.now(UTC) + timedelta(days=91), tick=True):
        assert "This link is too old" in scene.words(press(client, found["dora"]))
    assert client.post("/r/AAAA").status_code == 404
    tokens = scene.mail_to("fritz")
    assert client.post(f"/r/{tokens[Purpose.UNSUBSCRIBE]}").status_code == 404
    with transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM consent_event WHERE step = 'confirmed'")) == 0


def test_where_the_words_are_lost_those_of_the_form_are_agreed_to(client, sink):
    scene.form()
    with transaction() as session:
        people(session, ["ann"])
    confirmed_long_ago(17)
    with transaction() as session:
        session.execute(text("UPDATE consent SET text_version = 'of the old system'"))
    campaign("asking", ASKING)
    path = links(sink)["ann"]
    # Pressed at once, by something that follows every link: noted, and left to people to judge.
    press(client, path, **{"User-Agent": "BarracudaLinkProtect/1.0"})
    pressed = record("ann")["steps"][-1]
    assert pressed["text_version"] == "v1"
    assert pressed["scanner_suspect"] is True
    with transaction() as session:
        assert session.scalar(select(Consent.text_version)) == "v1"
        assert session.scalar(text("SELECT basis FROM exposure")) == "asked_again"
