"""Double opt-in: the owner of the mailbox decides, and strangers learn and cause nothing."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from contacts.consent_models import Consent, ConsentEvent
from contacts.models import Address, Contact, Endpoint, RecipientChoice
from core.db import transaction
from core.evidence import verify
from delivery.models import Message, MessageValue
from delivery.states import MessageState
from preferences.limits import BETWEEN_MAILS, MOST_IN_PERIOD, PERIOD, mailbox, may_ask_again
from preferences.models import SignupRequest
from preferences.tasks import note_mails, purge
from suppression import Cause, add
from tests import factories
from tests.preferences import scene
from tracking import make_id_token


def _count(model) -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def _request() -> SignupRequest:
    with transaction() as session:
        return session.scalars(select(SignupRequest).order_by(SignupRequest.id.desc())).first()


def _confirm(client, request_id: int):
    return scene.confirm(client, make_id_token(request_id))


def test_a_sign_up_becomes_a_consent_only_when_its_button_is_pressed(client):
    scene.form()
    assert "mailbox" in scene.words(scene.sign_up(client, "Ann@Mail.example"))
    request = _request()
    assert _count(Contact) == 0
    token = make_id_token(request.id)
    for _ in range(5):
        page = client.get(f"/k/{token}")
        assert client.head(f"/k/{token}").status_code == 200
    assert page.status_code == 200
    assert "A…@m….example" in page.get_data(as_text=True)
    assert "Ann@" not in page.get_data(as_text=True)
    with transaction() as session:
        assert session.scalar(select(Consent.confirmed_at)) is None
    assert "is confirmed" in scene.words(_confirm(client, request.id))
    assert "is confirmed" in scene.words(_confirm(client, request.id))
    with transaction() as session:
        assert session.scalar(select(Consent.confirmed_at)) is not None
        steps = session.scalars(select(ConsentEvent.step).order_by(ConsentEvent.at)).all()
        assert sorted(steps) == ["confirmed", "landing_viewed", "requested"]
        assert session.scalar(select(Endpoint.value)) == "Ann@mail.example"
        assert session.scalar(select(SignupRequest.typed)) is None
        assert verify(session) == []


def test_the_request_keeps_the_evidence_that_courts_ask_for(client):
    scene.form()
    client.environ_base["REMOTE_ADDR"] = "198.51.100.9"
    scene.sign_up(client, "ann@mail.example")
    with transaction() as session:
        evidence = session.scalar(select(ConsentEvent.evidence))
    needed = {"text_version", "text_sha256", "text_locale", "form_version", "form_url", "form_sha256", "control_state",
              "token_hash", "token_expires_at", "requested_at", "reference", "captcha", "particulars"}  # fmt: skip
    assert needed <= evidence.keys()
    assert "ann@" not in str(evidence)
    assert "198.51.100.9" not in str(evidence)


def test_the_mail_carries_no_word_that_somebody_typed(client):
    scene.form()
    scene.sign_up(client, "ann@mail.example", first_name="Click https://evil.example")
    with transaction() as session:
        value = session.scalar(select(MessageValue.values))
        message = session.scalars(select(Message)).one()
        assert session.scalar(select(MessageValue.recipient)) == "ann@mail.example"
    assert value.keys() == {"confirm_url", "asked_at", "reference"}
    assert value["confirm_url"] == {"path": "/k/", "sign": message.occurrence}


def test_one_mailbox_gets_one_mail_however_often_and_however_spelled(client):
    scene.form()
    scene.form(code="other")
    answers = {scene.sign_up(client, "ann@mail.example").get_data() for _ in range(3)}
    answers.add(scene.sign_up(client, "a.nn+x@mail.example").get_data())
    answers.add(scene.sign_up(client, "ANN@mail.example").get_data())
    scene.sign_up(client, "ann@mail.example", code="other")
    assert len(answers) == 1
    assert _count(Message) == 1


def test_one_place_cannot_write_to_everybody(client):
    scene.form()
    for number in range(25):
        scene.sign_up(client, f"person{number}@mail.example")
    assert _count(Message) == 20


def test_known_unknown_and_blocked_addresses_get_the_same_answer(client):
    scene.form()
    with transaction() as session:
        addresses = factories.people(session, ["known", "blocked"])
        add(session, address_id=addresses["blocked"], cause=Cause.COMPLAINT, at=datetime.now(UTC), source="test")
    bodies = {scene.sign_up(client, f"{name}@mail.example").get_data() for name in ("known", "unknown", "blocked")}
    assert len(bodies) == 1


def test_programs_that_fill_in_every_field_are_answered_and_ignored(client):
    scene.form()
    assert scene.sign_up(client, "ann@mail.example", website="https://x.example").status_code == 200
    assert _count(SignupRequest) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"shown": "x"},
        {"shown": ""},
        {"consent": ""},
        {"email": "no address"},
        {"email": "a@b.example\r\nBcc: x@y.example"},
    ],
)
def test_an_incomplete_form_is_shown_again_and_stores_nothing(client, changes):
    scene.form()
    fields = {"email": "ann@mail.example"} | changes
    page = scene.sign_up(client, fields.pop("email"), **fields)
    assert 'role="alert"' in page.get_data(as_text=True)
    assert _count(SignupRequest) == _count(Address) == 0


def test_a_form_sent_too_fast_or_shown_for_another_page_is_not_taken(client):
    scene.form()
    scene.form(code="other")
    for value in (
        scene.form_shown(client, seconds=0),
        scene.form_shown(client, "other"),
        scene.form_shown(client, seconds=90_000),
    ):
        scene.sign_up(client, "ann@mail.example", shown=value)
    assert _count(SignupRequest) == 0


def test_an_unknown_form_is_not_there(client):
    assert client.get("/s/private").status_code == 404
    assert scene.sign_up(client, "ann@mail.example", code="private").status_code == 404


@pytest.mark.parametrize("token", ["x", "A" * 36, "a" * 5000, "%00", "k" + "A" * 35])
def test_a_link_that_is_not_ours_says_so_and_changes_nothing(client, token):
    assert client.get(f"/k/{token}").status_code == 404
    assert client.post(f"/k/{token}").status_code == 404


def test_an_objection_ends_when_the_person_confirms_and_not_before(client):
    scene.form()
    with transaction() as session:
        address_id = factories.people(session, ["ann"], consent=False)["ann"]
        add(session, address_id=address_id, cause=Cause.OPTED_OUT, at=datetime.now(UTC), source="test")
    scene.sign_up(client, "ann@mail.example")
    assert _count(Message) == 1
    _confirm(client, _request().id)
    with transaction() as session:
        confirmed = session.scalar(select(Consent.confirmed_at))
        assert confirmed is not None
        assert session.scalar(select(RecipientChoice.language)) == "en"


def test_an_expired_request_cannot_be_confirmed_and_its_address_is_forgotten(client):
    scene.form()
    scene.sign_up(client, "ann@mail.example")
    request = _request()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=7, minutes=1), tick=True):
        assert "expired" in scene.words(_confirm(client, request.id))
        purge.verb()
        assert "expired" in scene.words(_confirm(client, request.id))
    with transaction() as session:
        assert session.scalar(select(Consent.confirmed_at)) is None
        assert session.execute(select(SignupRequest.typed, SignupRequest.ip)).one() == (None, None)


def test_the_answer_of_the_server_that_took_the_mail_joins_the_evidence(client):
    scene.form()
    scene.sign_up(client, "ann@mail.example")
    note_mails.verb()
    assert _count(ConsentEvent) == 1
    with transaction() as session:
        session.execute(
            update(Message).values(
                state=MessageState.CANCELLED, reply_code=250, reply_text="2.0.0 queued as 7", done_at=func.now()
            )
        )
    note_mails.verb()
    note_mails.verb()
    with transaction() as session:
        assert session.scalar(select(SignupRequest.mail_noted_at)) is not None


@given(st.lists(st.integers(0, 60 * 24), max_size=40))
def test_no_order_of_requests_gets_more_mails_than_the_limit(hours):
    sent: list[datetime] = []
    for moment in (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in sorted(hours)):
        if may_ask_again(sent, now=moment):
            sent.append(moment)
    for moment in sent:
        after = [other for other in sent if moment <= other < moment + PERIOD]
        assert len(after) <= MOST_IN_PERIOD
        assert sum(other < moment + BETWEEN_MAILS for other in after) == 1


@pytest.mark.parametrize("spelling", ["ann@x.example", "a.n.n@x.example", "ann+1@x.example", "a.nn+b.c@x.example"])
def test_spellings_of_one_mailbox_count_as_one(spelling):
    assert mailbox(spelling) == "ann@x.example"
