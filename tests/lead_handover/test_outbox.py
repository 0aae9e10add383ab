import json
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import text
from standardwebhooks import Webhook

from contacts import erase
from core import clock
from core.db import transaction
from core.errors import NotAllowed
from core.settings import settings
from lead_handover import retry, save_webhook_target, score_due, undelivered, webhook
from lead_handover.backoff import LONGEST, next_try
from lead_handover.cli import leads_group, score_group
from lead_handover.outbox import LEASE, claim
from lead_handover.posting import post_due
from lead_handover.service import escalate_overdue
from tests import factories
from tests.lead_handover.receiver import receiving


@pytest.fixture
def receiver():
    with receiving() as server:
        yield server


def _target(url, **more):
    with transaction() as session:
        save_webhook_target(session, name="crm", url=url, actor="mia@shop.example", loopback=True, **more)


@pytest.fixture
def told(office, receiver):
    """A company whose leads are told to the receiver, with one lead."""
    _target(receiver.url)
    office.rules(webhooks=["crm"])
    office.seller("sue@shop.example")
    office.click("ada", times=2)
    score_due()
    return office


def _row(office):
    (row,) = office.rows("SELECT * FROM outbox")
    return row


def _keys(receiver):
    return {headers["webhook-id"] for _, headers, _ in receiver.heard}


def test_a_lead_is_told_with_a_signature_that_the_receiver_can_check(told, receiver):
    post_due()
    ((path, headers, body),) = receiver.heard
    assert path == "/leads?x=1"
    payload = Webhook(webhook.secret("crm")).verify(body, headers)
    assert payload["type"] == "lead.handed_over"
    assert payload["data"]["contact"]["email"] == "ada@mail.example"
    assert payload["data"]["assigned_to"] == "sue@shop.example"
    assert payload["data"]["explanation"][0]["words"] == "clicked a link today"
    assert _row(told).delivered_at is not None
    post_due()
    assert len(receiver.heard) == 1


def test_the_outbox_holds_no_personal_data(told):
    assert set(_row(told).body) == {"handover_id", "what"}


def test_a_lead_whose_transaction_fails_is_not_told(office, receiver):
    _target(receiver.url)
    office.rules(webhooks=["crm"])
    office.click("ada", times=2)
    with transaction() as session:
        session.execute(text("ALTER TABLE handover ADD CONSTRAINT broken CHECK (points < 0)"))
    with pytest.raises(Exception, match="broken"):
        score_due()
    assert not office.rows("SELECT 1 FROM outbox")
    with transaction() as session:
        session.execute(text("ALTER TABLE handover DROP CONSTRAINT broken"))
    score_due()
    assert len(office.rows("SELECT 1 FROM outbox")) == 1


def test_a_receiver_that_hangs_after_hearing_gets_the_same_key_again(told, receiver, monkeypatch):
    monkeypatch.setattr(webhook, "SECONDS", 0.3)
    receiver.answers = ["hang", 200]
    post_due()
    assert _row(told).delivered_at is None
    assert "Timeout" in _row(told).last_answer
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        post_due()
    assert _row(told).delivered_at is not None
    assert len(receiver.heard) == 2
    assert len(receiver.leads) == len(_keys(receiver)) == 1


def test_a_day_of_errors_costs_only_time(told, receiver):
    receiver.answers = [500] * 100
    start = clock.now()
    with time_machine.travel(start, tick=False) as moved:
        while clock.now() < start + timedelta(hours=24):
            post_due()
            moved.shift(timedelta(hours=1))
        assert _row(told).delivered_at is None
        assert _row(told).given_up_at is None
        assert _row(told).last_answer == "HTTP 500"
        receiver.answers = []
        moved.shift(timedelta(hours=4))
        post_due()
    assert _row(told).delivered_at is not None
    assert len(receiver.leads) == len(_keys(receiver)) == 1


def test_what_is_never_heard_is_given_up_for_people_to_see_and_can_be_tried_again(told, receiver):
    receiver.answers = [500] * 100
    start = clock.now()
    with time_machine.travel(start, tick=False) as moved:
        while clock.now() < start + timedelta(days=6):
            post_due()
            moved.shift(timedelta(hours=4))
        row = _row(told)
        assert row.given_up_at - row.created_at >= LONGEST
        with transaction() as session:
            (seen,) = undelivered(session)
            assert (seen.target, seen.last_answer) == ("crm", "HTTP 500")
            retry(session, outbox_id=seen.id, actor="mia@shop.example")
        receiver.answers = []
        post_due()
    assert _row(told).delivered_at is not None
    with transaction() as session, pytest.raises(NotAllowed):
        retry(session, outbox_id=_row(told).id, actor="mia@shop.example")
    actions = {row.action for row in told.rows("SELECT action FROM audit_event")}
    assert {"outbox.give_up", "outbox.retry"} <= actions


def test_redirects_are_not_followed(told, receiver):
    receiver.answers = ["redirect"]
    post_due()
    assert [path for path, _, _ in receiver.heard] == ["/leads?x=1"]
    assert _row(told).last_answer == "HTTP 302 (redirects are not followed)"


def test_a_target_that_is_gone_is_given_up_at_once(told, receiver):
    receiver.answers = [410]
    post_due()
    assert _row(told).given_up_at is not None


def test_a_process_that_dies_while_posting_leaves_a_lease_that_runs_out(told, receiver):
    with transaction() as session:
        assert len(claim(session, now=clock.now())) == 1
    post_due()
    assert not receiver.heard
    with time_machine.travel(clock.now() + LEASE + timedelta(seconds=1)):
        post_due()
    assert len(receiver.heard) == 1
    assert _row(told).attempts == 2


def test_two_workers_never_post_the_same_row(told):
    with transaction() as first, transaction() as second:
        assert len(claim(first, now=clock.now())) == 1
        assert not claim(second, now=clock.now())


def test_an_overdue_lead_is_told_under_a_key_of_its_own(told, receiver):
    post_due()
    with time_machine.travel(clock.now() + timedelta(hours=25)):
        escalate_overdue()
        post_due()
    assert [json.loads(body)["type"] for _, _, body in receiver.heard] == ["lead.handed_over", "lead.escalated"]
    assert len(_keys(receiver)) == 2


def test_an_erased_person_is_told_to_nobody(told, receiver):
    with transaction() as session:
        erase(session, told.contacts["ada"], actor="mia@shop.example")
    post_due()
    assert not receiver.heard
    assert _row(told).given_up_at is not None


def test_production_never_posts_to_this_machine(told, receiver, monkeypatch):
    settings()
    monkeypatch.setenv("CRUSOE_MODE", "production")
    settings.cache_clear()
    post_due()
    assert not receiver.heard
    assert "https" in _row(told).last_answer
    with pytest.raises(NotAllowed):
        _target(receiver.url)


def test_a_target_that_is_switched_off_waits(told, receiver):
    _target(receiver.url, active=False)
    post_due()
    assert not receiver.heard
    assert "switched off" in _row(told).last_answer


def test_sales_gets_a_mail_through_the_ledger_that_names_nobody(office):
    with transaction() as session:
        factories.sender(session, code="service")
    office.rules(notice_sender="service")
    office.seller("sue@shop.example")
    office.click("ada", times=2)
    score_due()
    post_due()
    assert _row(office).delivered_at is not None, _row(office).last_answer
    ((purpose, state, recipient, values),) = office.rows(
        "SELECT r.purpose, m.state, v.recipient, v.values FROM message AS m JOIN run AS r ON r.id = m.run_id"
        " JOIN message_value AS v ON v.message_id = m.id"
    )
    assert (purpose, state, recipient) == ("transactional", "ready", "sue@shop.example")
    assert "ada" not in json.dumps(values).lower()


def test_a_notice_without_a_sender_says_so(office):
    office.rules(notice_sender="nobody")
    office.seller("sue@shop.example")
    office.click("ada", times=2)
    score_due()
    post_due()
    assert _row(office).last_answer == "There is no sender 'nobody'."


def test_attempts_are_spaced_and_end():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    pauses = [next_try(attempts=n, created_at=start, now=start) - start for n in range(1, 20)]
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=10)
    assert next_try(attempts=3, created_at=start, now=start + LONGEST) is None


def _certificate(folder, name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    path = folder / "certificate.pem"
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return path


@pytest.mark.parametrize(("name", "heard"), [("localhost", True), ("other.example", False)])
def test_the_certificate_must_carry_the_name_although_the_address_is_called(home, receiver, tmp_path, name, heard):
    path = _certificate(tmp_path, name)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path)
    receiver.socket = server.wrap_socket(receiver.socket, server_side=True)
    answer = webhook.post(
        url=f"https://localhost:{receiver.server_port}/x",
        name="crm",
        key="k",
        payload={},
        now=clock.now(),
        loopback=True,
        trust=ssl.create_default_context(cafile=path),
    )
    assert answer.heard is heard, answer.words
    assert heard or "certificate" in answer.words.lower()


def test_commands_answer_with_documented_keys_and_exit_codes(told):
    run = CliRunner().invoke
    (lead,) = json.loads(run(leads_group, ["list", "--json"]).output)
    assert set(lead) == {"id", "contact_id", "contact", "points", "lines", "state", "due_at", "given_to"}
    number = str(lead["id"])
    wrong = run(leads_group, ["reject", number, "--reason", "mood", "--as", "sue@shop.example", "--json"])
    assert (wrong.exit_code, json.loads(wrong.output)["error"]["code"]) == (1, "reason_unknown")
    assert run(leads_group, ["accept", number, "--as", "mia@shop.example"]).exit_code == 2
    assert run(leads_group, ["reject", number, "--reason", "not_now", "--as", "sue@shop.example"]).exit_code == 0
    assert run(leads_group, ["accept", number, "--as", "sue@shop.example"]).exit_code == 2
    assert json.loads(run(score_group, ["rebuild", "--json"]).output) == {
        "rescored": 1,
        "handed_over": 0,
        "rules_version": 1,
    }
    assert json.loads(run(leads_group, ["outbox", "--json"]).output)[0]["target"] == "crm"
