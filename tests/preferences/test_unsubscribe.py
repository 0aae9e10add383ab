"""Stopping works with one click, from any program, for ever; and only by POST."""

import threading
import time

import pytest
from sqlalchemy import func, select, text

from contacts import erase
from contacts.consent_models import Consent
from contacts.models import Endpoint
from core.db import transaction
from delivery import quiet
from suppression import Cause, Question, assess, counts
from suppression.models import SuppressionEntry
from tests.preferences import scene
from tracking import Purpose, make_message_token
from tracking.models import Event

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def _entries() -> list[SuppressionEntry]:
    with transaction() as session:
        return list(session.scalars(select(SuppressionEntry).order_by(SuppressionEntry.id)))


def _verdicts() -> dict[str, int]:
    with transaction() as session:
        controller = session.scalar(text("SELECT id FROM controller WHERE code = 'shop'"))
        audience = select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id)
        question = Question(channel="email", purpose="newsletter", controller_id=controller)
        return counts(assess(session, audience=audience, question=question))["reasons"]


@pytest.mark.parametrize("how", [{"data": ONE_CLICK}, {"data": ONE_CLICK, "content_type": "multipart/form-data"}])
def test_one_click_stops_exactly_this_mail(client, how):
    token = scene.mail_to()[Purpose.UNSUBSCRIBE]
    assert _verdicts() == {"consent": 1}
    answer = client.post(f"/u/{token}", **how)
    assert (answer.status_code, answer.get_data(), answer.headers.getlist("Set-Cookie")) == (200, b"OK", [])
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    entry = _entries()[0]
    assert (entry.cause, entry.channel, entry.purpose, entry.source) == (
        Cause.OPTED_OUT,
        "email",
        "newsletter",
        "one_click",
    )
    assert _verdicts() == {"opted_out": 1}
    with transaction() as session:
        assert session.scalar(select(Event.kind)) == "unsubscribe"
        assert session.scalar(select(Consent.withdrawn_at)) is not None


def test_who_could_not_be_waited_for_is_told_that_one_mail_may_come(client, monkeypatch):
    """A worker that holds a mail stands still for longer than anybody waits for an answer."""
    monkeypatch.setattr(quiet, "LONGEST", 0.1)
    tokens = scene.mail_to()
    with transaction() as session:
        # Without the decision that a real one has.
        session.execute(text("ALTER TABLE message DISABLE TRIGGER USER"))
        session.execute(text("UPDATE message SET state = 'handing_over', decision_id = 1, token = 1"))
    path, sentence = f"/u/{tokens[Purpose.UNSUBSCRIBE]}", "was already on its way"
    page = client.post(path, data={"stop": "list"})
    assert (page.status_code, sentence in page.text) == (202, True)
    assert client.post(path, data=ONE_CLICK).status_code == 202
    centre = client.post(f"/p/{tokens[Purpose.PREFERENCES]}/stop", data={"stop": "list"}, follow_redirects=True)
    assert sentence in centre.text
    german = client.post(f"{path}?lang=de", data={"stop": "list"}).text
    assert "schon unterwegs" in german
    assert _verdicts() == {"opted_out": 1}
    with transaction() as session:
        session.execute(text("UPDATE message SET state = 'sent'"))
    page = client.post(path, data={"stop": "list"})
    assert (page.status_code, sentence in page.text) == (200, False)


def test_the_second_click_says_the_same_and_stores_nothing(client):
    token = scene.mail_to()[Purpose.UNSUBSCRIBE]
    first, second = (client.post(f"/u/{token}", data=ONE_CLICK) for _ in range(2))
    assert first.get_data() == second.get_data()
    assert len(_entries()) == 1
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 1


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_at_the_link_stops_nothing(client, method):
    token = scene.mail_to()[Purpose.UNSUBSCRIBE]
    for agent in ("Barracuda", "Mozilla/5.0", "GoogleImageProxy"):
        answer = getattr(client, method)(f"/u/{token}", headers={"User-Agent": agent, "Purpose": "prefetch"})
        assert answer.status_code == 200
    assert _entries() == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"List-Unsubscribe": "one-click"},
        {"list-unsubscribe": "One-Click"},
        {"x": "List-Unsubscribe=One-Click"},
        {"stop": "x"},
    ],
)
def test_only_the_exact_field_acts(client, body):
    token = scene.mail_to()[Purpose.UNSUBSCRIBE]
    assert client.post(f"/u/{token}", data=body).status_code == 422
    assert _entries() == []


def test_tokens_that_are_not_ours_get_the_same_answer_without_asking_the_database(client, monkeypatch):
    tokens = scene.mail_to()
    right = tokens[Purpose.UNSUBSCRIBE]
    flipped = right[:-1] + ("A" if right[-1] != "A" else "B")
    for token in (
        flipped,
        "x",
        "ann@mail.example",
        tokens[Purpose.OPEN],
        tokens[Purpose.PREFERENCES],
        tokens[Purpose.WHY],
    ):
        answer = client.post(f"/u/{token}", data=ONE_CLICK)
        assert (answer.status_code, answer.get_data()) == (200, b"OK")
        assert client.get(f"/u/{token}").status_code == 404
    assert _entries() == []


def test_an_erased_person_can_still_object(client):
    token = scene.mail_to()[Purpose.UNSUBSCRIBE]
    with transaction() as session:
        erase(session, session.scalar(select(Endpoint.contact_id)), actor="test")
    assert client.post(f"/u/{token}", data=ONE_CLICK).status_code == 200
    assert len(_entries()) == 1


def test_everything_stops_with_the_second_button_of_the_page(client):
    token = scene.mail_to()[Purpose.UNSUBSCRIBE]
    page = client.get(f"/u/{token}").get_data(as_text=True)
    assert 'value="everything"' in page
    assert "ann@mail" not in page
    assert "no more advertising" in scene.words(client.post(f"/u/{token}", data={"stop": "everything"}))
    entry = _entries()[0]
    assert (entry.channel, entry.purpose, entry.controller_id) == (None, None, None)


def test_one_persons_link_stops_nobody_else(client):
    tokens = scene.mail_to("ann")
    scene.mail_to("ben")
    client.post(f"/u/{tokens[Purpose.UNSUBSCRIBE]}", data=ONE_CLICK | {"address_id": "2", "contact_id": "2"})
    assert _verdicts() == {"opted_out": 1, "consent": 1}


def test_the_answer_waits_for_a_mail_that_is_on_its_way(client):
    token = scene.mail_to()[Purpose.UNSUBSCRIBE]
    with transaction() as session:
        session.execute(text("ALTER TABLE message DISABLE TRIGGER USER"))
        session.execute(text("ALTER TABLE message DROP CONSTRAINT ck_message_no_decision_no_send"))
        session.execute(text("UPDATE message SET state = 'handing_over', token = 1"))
    ended: list[float] = []

    def end() -> None:
        time.sleep(0.5)
        with transaction() as session:
            ended.append(time.monotonic())
            session.execute(text("UPDATE message SET state = 'ready'"))

    worker = threading.Thread(target=end)
    worker.start()
    client.post(f"/u/{token}", data=ONE_CLICK)
    answered = time.monotonic()
    worker.join()
    assert answered > ended[0]
    assert len(_entries()) == 1


def test_a_hundred_clicks_at_once_store_one_objection(client):
    token = scene.mail_to()[Purpose.UNSUBSCRIBE]
    app = client.application
    clicks = [threading.Thread(target=lambda: app.test_client().post(f"/u/{token}", data=ONE_CLICK)) for _ in range(10)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert len(_entries()) == 1


def test_nobody_is_told_that_it_worked_when_the_address_is_unknown(client):
    """As of people who came after a backup that was restored; they may come back with the next import."""
    scene.mail_to("ann")
    lost = make_message_token(Purpose.UNSUBSCRIBE, run_id=1, message_id=7, address_id=10**9, sent_at=1_800_000_000)
    assert client.post(f"/u/{lost}", data={"stop": "list"}).status_code == 404
    assert _entries() == []
