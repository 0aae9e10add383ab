"""The record of a double opt-in: complete, exact, unchangeable, and gone when nobody confirmed."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from hashlib import sha256

import pytest
import time_machine
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from contacts import consent_records, save_privacy_notice, take_out
from contacts.consent_models import Consent, ConsentPage
from core.db import transaction
from core.evidence import verify
from core.settings import settings
from preferences import FormPlan, save_form
from preferences.evidence import queue_id
from preferences.models import SignupCount, SignupRequest
from preferences.tasks import note_mails, purge
from tests.delivery.sending import worker
from tests.preferences import scene
from tests.smtp_sink import Sink
from tracking import make_id_token

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.fixture
def sink(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    with Sink() as made:
        monkeypatch.setenv("CRUSOE_SMTP_URL", made.url)
        settings.cache_clear()
        yield made


def _request_id() -> int:
    with transaction() as session:
        return session.scalars(select(SignupRequest.id).order_by(SignupRequest.id.desc())).first()


def _record() -> dict:
    with transaction() as session:
        consent_id = session.scalars(select(Consent.id)).one()
        return consent_records(session, [consent_id])[consent_id]


def _steps() -> dict:
    return {step["step"]: step for step in _record()["steps"]}


def _whole_form() -> None:
    scene.form(topics=("hiking",))
    with transaction() as session:
        save_privacy_notice(session, version="p1", locale="en", text="We keep your address.")
        plan = FormPlan(
            code="news",
            controller="shop",
            sender="service-news",
            text_version="v1",
            topics=["hiking"],
            privacy_version="p1",
            frequency="twice a month",
        )
        save_form(session, plan=plan)


def _whole_way(client, sink) -> bytes:
    """Sign up, get the mail, open the link, press the button. Answers the mail as it arrived."""
    _whole_form()
    scene.sign_up(client, "Ann@Mail.example")
    assert worker().run() is False
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2), tick=True):
        scene.confirm(client, make_id_token(_request_id()), **{"User-Agent": PERSON})
    return sink.taken[-1].content


NEEDED = {
    "requested": {
        "reference", "controller_id", "controller_name", "typed", "normalised", "channel", "purpose", "topics",
        "frequency_stated", "text_version", "text_sha256", "text_locale", "privacy_notice_version",
        "privacy_notice_sha256", "form_version", "form_url", "form_sha256", "control_state", "requested_at", "ip",
        "user_agent", "captcha", "source", "token_hash", "token_expires_at",
    },
    "mail_sent": {
        "message_id", "message_header_id", "template_version", "template_sha256", "mail_sha256", "handed_over_at",
        "smtp_response", "mx_host", "resend_count",
    },
    "landing_viewed": {"ip", "user_agent"},
    "confirmed": {
        "ip", "user_agent", "method", "page_version", "page_sha256", "page_locale", "scanner_suspect",
        "seconds_since_mail", "controller_name",
    },
}  # fmt: skip


def test_the_record_of_a_sign_up_has_every_field_that_the_law_asks_for(client, sink):
    _whole_way(client, sink)
    steps = _steps()
    for name, fields in NEEDED.items():
        assert fields - steps[name].keys() == set(), name
    asked = steps["requested"]
    assert (asked["typed"], asked["normalised"]) == ("Ann@Mail.example", "ann@mail.example")
    assert (asked["topics"], asked["frequency_stated"]) == (["hiking"], "twice a month")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", asked["requested_at"])
    assert steps["confirmed"]["method"] == "POST"
    assert steps["confirmed"]["scanner_suspect"] is False
    assert _record()["wording"] == {"en": scene.WORDS}
    assert all(step["particulars_state"] == "intact" for step in steps.values() if "particulars" in step)
    with transaction() as session:
        assert verify(session) == []


def test_the_number_in_the_mail_is_the_number_of_the_record(client, sink):
    content = _whole_way(client, sink)
    mail = message_from_bytes(content, policy=policy.SMTP)
    assert _record()["reference"] in mail.get_body(("plain",)).get_content()
    assert mail["Message-ID"] == _steps()["mail_sent"]["message_header_id"]


def test_the_very_bytes_of_the_mail_are_kept_and_nobody_reads_them_in_the_database(client, sink):
    content = _whole_way(client, sink)
    digest = _steps()["mail_sent"]["mail_sha256"]
    with transaction() as session:
        kept = take_out(session, [digest])[digest]
        stored = b"".join(session.scalars(text("SELECT sealed FROM proof")))
    assert sha256(kept).hexdigest() == digest
    assert kept.rstrip(b"\r\n") == content.rstrip(b"\r\n")
    assert b"mail.example" not in stored


def test_the_page_that_was_shown_can_be_shown_again(client, sink):
    _whole_way(client, sink)
    steps = _steps()
    with transaction() as session:
        pages = {page.version: page for page in session.scalars(select(ConsentPage))}
    form = pages[steps["requested"]["form_version"]]
    assert sha256(form.content.encode()).hexdigest() == steps["requested"]["form_sha256"] == form.sha256.hex()
    assert scene.WORDS in form.content
    assert "twice a month" in form.content
    confirmation = pages[steps["confirmed"]["page_version"]]
    assert confirmation.sha256.hex() == steps["confirmed"]["page_sha256"]
    assert "Yes, I want these e-mails" in confirmation.content
    assert "mail.example" not in confirmation.content
    assert "We keep your address." in client.get("/s/news/privacy").get_data(as_text=True)


def test_a_form_whose_words_changed_meanwhile_is_shown_again_before_it_is_taken(client):
    _whole_form()
    shown = scene.form_shown(client)
    with transaction() as session:
        plan = FormPlan(code="news", controller="shop", sender="service-news", text_version="v1", frequency="daily")
        save_form(session, plan=plan)
    assert "once more" in scene.words(scene.sign_up(client, "ann@mail.example", shown=shown))
    with transaction() as session:
        assert session.scalar(select(SignupRequest.id)) is None


@pytest.mark.parametrize(
    ("user_agent", "seconds", "reason"),
    [("Mozilla/5.0 (compatible; Barracuda Sentinel)", 90, "link_scanner"), (PERSON, 1, "too_fast")],
)
def test_a_button_that_a_machine_may_have_pressed_is_marked(client, sink, user_agent, seconds, reason):
    scene.form()
    scene.sign_up(client, "ann@mail.example")
    worker().run()
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=False):
        scene.confirm(client, make_id_token(_request_id()), **{"User-Agent": user_agent})
    pressed = _steps()["confirmed"]
    assert (pressed["scanner_suspect"], pressed["scanner_reason"]) == (True, reason)


def test_who_never_confirmed_is_forgotten_after_fourteen_days_and_only_counted(client, sink):
    scene.form()
    client.environ_base["REMOTE_ADDR"] = "198.51.100.9"
    scene.sign_up(client, "ann@mail.example")
    worker().run()
    note_mails.verb()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=15), tick=True):
        purge.verb()
        purge.verb()
    with transaction() as session:
        assert session.scalar(select(SignupRequest.id)) is None
        assert session.scalars(text("SELECT 1 FROM proof")).all() == []
        assert session.scalars(select(SignupCount.unconfirmed)).all() == [1]
        assert verify(session) == []
    assert {step["particulars_state"] for step in _record()["steps"] if "particulars" in step} == {"gone"}
    assert _everything_that_names("ann@", "198.51.100.9") == []


def _everything_that_names(*words: str) -> list[str]:
    """The tables in which one of these words stands, in any column."""
    with transaction() as session:
        tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        named = " OR ".join(f"t::text ILIKE '%{word}%'" for word in words)
        return [
            table
            for table in tables
            if table not in {"proof", "run", "consent_page"}
            and session.scalar(text(f'SELECT 1 FROM "{table}" AS t WHERE {named} LIMIT 1'))
        ]


def test_what_proves_a_confirmed_consent_can_neither_be_changed_nor_removed(client, sink):
    _whole_way(client, sink)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=400), tick=True):
        purge.verb()
    assert {step["particulars_state"] for step in _record()["steps"] if "particulars" in step} == {"intact"}
    for statement in (
        "DELETE FROM proof",
        "UPDATE proof SET kept_until = now()",
        "UPDATE proof SET subject = 'x'",
        "TRUNCATE proof",
        "UPDATE consent_page SET content = 'x'",
        "DELETE FROM consent_page",
    ):
        with pytest.raises(DBAPIError, match="evidence"), transaction() as session:
            session.execute(text(statement))


def test_what_waits_for_a_confirmation_cannot_be_changed_either(client):
    scene.form()
    scene.sign_up(client, "ann@mail.example")
    for statement in ("UPDATE proof SET sealed = 'x', kept_until = NULL", "UPDATE proof SET kept_until = now()"):
        with pytest.raises(DBAPIError, match="evidence"), transaction() as session:
            session.execute(text(statement))


def test_a_second_request_counts_the_mail_before_it(client, sink):
    scene.form()
    with time_machine.travel(datetime.now(UTC) - timedelta(days=2), tick=True):
        scene.sign_up(client, "ann@mail.example")
    worker().run()
    scene.sign_up(client, "ann@mail.example")
    worker().run()
    note_mails.verb()
    sent = [step for step in _record()["steps"] if step["step"] == "mail_sent"]
    assert [step["resend_count"] for step in sent] == [0, 1]


def test_only_the_digest_of_the_token_is_stored(client):
    scene.form()
    scene.sign_up(client, "ann@mail.example")
    token = make_id_token(_request_id())
    with transaction() as session:
        assert session.scalar(select(SignupRequest.token_sha256)) == sha256(token.encode()).digest()
    assert _everything_that_names(token) == []


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("2.0.0 Ok: queued as 4bXyZ12abc", "4bXyZ12abc"),
        ("OK id=1tKq2B-000abc-1Z", "1tKq2B-000abc-1Z"),
        ("2.6.0 <1.a@shop.example> [InternalId=4711, Hostname=x.example] Queued mail for delivery", "4711"),
        ("2.0.0 OK 1700000000 5b1f17b1804b1-47b.63 - gsmtp", "5b1f17b1804b1-47b.63"),
        ("Ok 0102018e-1a2b-3c4d-5e6f-000000", "0102018e-1a2b-3c4d-5e6f-000000"),
        ("2.0.0 4AMCvd012345 Message accepted for delivery", "4AMCvd012345"),
        ("2.0.0 taken", None),
        ("", None),
    ],
)
def test_the_name_that_a_server_gave_to_the_mail_is_found_in_its_answer(answer, name):
    assert queue_id(answer) == name
