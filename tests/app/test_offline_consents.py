"""Consents on paper or in a call: entered whole or not at all, worth what they are, opened by compliance only."""

import io
import json
import struct
import zlib
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
import time_machine
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from app.cli import crusoe, main
from app.evidence.bundle import bundle
from contacts import LARGEST, Confirmed, confirm_consent, consent_records, find_phone, save_consent_text, scan
from contacts.consent_models import Consent, Proof
from contacts.models import Address, Channel, Endpoint
from contacts.scans import JPEG, PDF, PNG
from core import clock, keys, retention
from core.audit import AuditEvent
from core.db import transaction
from core.errors import WrongInput
from core.evidence import verify
from core.permissions import Role
from tests.browsing import post

PAPER = b"%PDF-1.7\n1 0 obj\nendobj\ntrailer\n%%EOF\n"
_CHUNK = b"IHDR" + b"\0" * 13
PICTURE = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + _CHUNK + struct.pack(">I", zlib.crc32(_CHUNK))
PICTURE += b"\0\0\0\0IEND\xaeB`\x82"
PHOTO = b"\xff\xd8\xff\xe0" + b"\0" * 40 + b"\xff\xd9"
NUMBER = "+436641234567"


@pytest.fixture
def worded(found):
    """The company with words to agree to, and with a telephone number of emil's."""
    with transaction() as session:
        save_consent_text(session, version="paper-1", locale="de", text="Ja, ruft mich an.")
        emil = session.scalar(select(Endpoint.contact_id).where(Endpoint.value == "emil@mail.example"))
        # No list has to be asked for Germany.
        session.execute(text("UPDATE contact SET country = 'DE'"))
        key = keys.address_key(f"tel:{NUMBER}")
        number = session.scalar(insert(Address).values(key=key, domain_key=key).returning(Address.id))
        session.add(Endpoint(contact_id=emil, channel=Channel.PHONE, address_id=number, value=NUMBER))
    return found


def ago(**time: int) -> str:
    return (clock.now() - timedelta(**time)).strftime("%Y-%m-%dT%H:%M+00:00")


def form(**changes: object) -> dict[str, object]:
    """A whole form: emil agreed to the newsletter on paper, yesterday."""
    whole = {
        "address": "Emil@Mail.example", "channel": "email", "purpose": "newsletter", "controller": "shop",
        "basis": "written", "words": "paper-1/de", "given_at": ago(days=1), "place": "Graz", "taken_by": "Rita",
        "recording": "", "note": "at the fair",
    }  # fmt: skip
    return whole | changes


def sent(client, *, file: bytes | None = PAPER, **changes: object):
    upload = {} if file is None else {"scan": (io.BytesIO(file), "holiday.txt")}
    return post(client, "/consents/new", **form(**changes), **upload)


def decided(capsys, *arguments: str) -> dict:
    capsys.readouterr()
    main(["decide", "--controller", "shop", "--json", *arguments])
    return json.loads(capsys.readouterr().out)


def record() -> dict:
    with transaction() as session:
        number = session.scalars(select(Consent.id).order_by(Consent.id.desc())).first()
        return consent_records(session, [number])[number]


def test_a_consent_on_paper_counts_with_its_own_kind_and_its_scan(person, worded, capsys):
    marketer, compliance = person(Role.MARKETER), person(Role.COMPLIANCE)
    assert decided(capsys, "--address", "emil@mail.example")["code"] == "no_basis"
    assert "paper-1" in marketer.get("/consents/new?contact=1").text
    answer = sent(marketer)
    assert answer.status_code == 302, answer.text
    assert "in writing" in marketer.get(answer.location).text
    known = record()
    assert (known["how_given"], known["basis"], known["missing"]) == ("written", "written", [])
    (step,) = known["steps"]
    assert step["scan_sha256"] == sha256(PAPER).hexdigest()
    assert (step["place"], step["taken_by"], step["recorded_by"]) == ("Graz", "Rita", "marketer@crew.example")
    assert step["typed"] == "Emil@Mail.example"
    now = decided(capsys, "--address", "emil@mail.example")
    assert (now["verdict"], now["basis"]) == ("send", "consent")
    # The number is another channel: nothing was said about it.
    assert decided(capsys, "--segment", "everyone", "--channel", "phone")["send"] == 0
    path = f"{answer.location}/scans/{step['scan_sha256']}"
    assert post(marketer, path).status_code == 403
    opened = post(compliance, path)
    assert (opened.data, opened.mimetype) == (PAPER, "application/pdf")
    assert "attachment" in opened.headers["Content-Disposition"]
    assert post(compliance, f"{answer.location}/scans/{'0' * 64}").status_code == 404
    with transaction() as session:
        sealed = session.scalar(select(Proof.sealed).where(Proof.sha256 == sha256(PAPER).digest()))
        assert PAPER not in bytes(sealed)
        actions = list(session.scalars(select(AuditEvent.action).where(AuditEvent.object_type == "consent")))
        assert actions == ["consent.record", "consent.scan_open"]
        files = bundle(session, address="emil@mail.example", actor="dpo")
        assert files[f"proofs/{step['scan_sha256']}.pdf"] == PAPER
        assert f"proofs/{step['scan_sha256']}.pdf" in files["index.html"].decode()
        assert verify(session) == []


def test_a_consent_to_calls_needs_the_recording_and_then_lets_call(person, worded, capsys):
    marketer = person(Role.MARKETER)
    call = {"address": "+43 664 1234567", "channel": "phone", "basis": "recorded", "file": None}
    assert 'id="recording-error"' in sent(marketer, **call).text
    assert sent(marketer, **call, recording="calls/2026/17.ogg").status_code == 302
    assert record()["steps"][0]["evidence_ref"] == "calls/2026/17.ogg"
    assert record()["missing"] == []
    answer = decided(capsys, "--segment", "everyone", "--channel", "phone")
    assert answer["reasons"] == {"consent": 1}
    with transaction() as session:
        session.execute(text("UPDATE consent SET confirmed_at = confirmed_at + interval '1 s' WHERE channel = 'phone'"))
    assert decided(capsys, "--segment", "everyone", "--channel", "phone")["reasons"] == {"consent_unproven": 1}


def test_the_command_puts_on_record_what_the_form_does(person, worded, capsys, tmp_path):
    (tmp_path / "paper.txt").write_bytes(PAPER)
    (tmp_path / "word.pdf").write_bytes(b"MZ" + PAPER)

    def entered(code: int = 0, *, who: str = "marketer", **changes: object) -> dict:
        given = form(**{"scan": str(tmp_path / "paper.txt"), "given_at": "2026-11-01T10:00"} | changes)
        options = [word for name, value in given.items() if name != "address" and value is not None
                   for word in ("--" + name.replace("_", "-"), str(value))]  # fmt: skip
        words = ["consents", "enter-offline", given["address"], *options, "--as", f"{who}@crew.example", "--json"]
        told = CliRunner().invoke(crusoe, words, catch_exceptions=False)
        assert told.exit_code == code, told.output
        return json.loads(told.stdout)

    for role in (Role.MARKETER, Role.SALES):
        person(role)
    for option, change in {
        "--scan": {"scan": str(tmp_path / "word.pdf")},
        "--given-at": {"given_at": "yesterday"},
        "--taken-by": {"taken_by": " "},
        "--words": {"words": "never/de"},
        "--recording": {"basis": "recorded"},
        "address": {"address": "emil@"},
    }.items():
        assert entered(1, **change)["error"]["where"] == option
    assert entered(1, scan=str(tmp_path / "none"))["error"]["code"] == "file_unreadable"
    assert entered(2, who="sales")["error"]["code"] == "not_permitted"
    answer = entered()
    assert answer == {
        "reference": answer["reference"], "channel": "email", "purpose": "newsletter", "basis": "written",
        "confirmed_at": "2026-11-01T10:00:00+00:00", "text_version": "paper-1",
    }  # fmt: skip
    (step,) = record()["steps"]
    assert (step["scan_sha256"], step["recorded_by"]) == (sha256(PAPER).hexdigest(), "marketer@crew.example")
    assert decided(capsys, "--address", "emil@mail.example")["verdict"] == "send"
    assert entered(1)["error"]["code"] == "consent_known"


def test_the_time_is_that_of_the_clock_on_the_wall(person, worded):
    assert sent(person(Role.MARKETER), given_at="2026-07-01T10:00").status_code == 302
    assert record()["confirmed_at"] == datetime(2026, 7, 1, 8, tzinfo=UTC)


def test_what_is_not_whole_is_refused_beside_its_field(person, worded):
    marketer = person(Role.MARKETER)
    wrong = {
        "scan": {"file": None},
        "given_at": {"given_at": ago(days=-1)},
        "place": {"place": " "},
        "taken_by": {"taken_by": ""},
        "words": {"words": "never/de"},
        "address": {"address": "emil@"},
        "controller": {"controller": "nobody"},
        "purpose": {"purpose": ""},
    }
    for name, change in wrong.items():
        answer = sent(marketer, **change)
        assert answer.status_code == 422, name
        assert f'id="{name}-error"' in answer.text, name
    assert 'id="address-error"' in sent(marketer, address="+436649999999", channel="phone").text
    assert 'id="scan-error"' in sent(marketer, file=b"MZ" + PAPER).text
    assert sent(person(Role.SALES)).status_code == 403
    with transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM proof")) == 0
        session.execute(text("UPDATE user_account SET locale = 'de'"))
    assert "Eine Einwilligung auf Papier zählt nur mit ihrem Scan." in sent(person(Role.MARKETER), file=None).text


def test_paper_answers_no_refusal(person, worded, capsys):
    marketer = person(Role.MARKETER)
    # Bob objected a moment ago: a paper of before does not count against it, and one of after is not taken.
    answer = sent(marketer, address="bob@mail.example", given_at=ago(days=3))
    assert answer.status_code == 302
    assert decided(capsys, "--address", "bob@mail.example")["code"] == "opted_out"
    later = (clock.now() + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M+00:00")
    with time_machine.travel(clock.now() + timedelta(minutes=9), tick=True):
        refused = sent(person(Role.MARKETER), address="bob@mail.example", given_at=later)
        assert refused.status_code == 403
        assert "An objection of" in refused.text
    with transaction() as session:
        session.execute(text("UPDATE consent SET withdrawn_at = now()"))
    assert "was withdrawn on" in sent(marketer, address="ada@mail.example", given_at=ago(hours=1)).text


def test_a_consent_is_taken_back_as_easily_as_it_was_given(person, worded, capsys):
    marketer = person(Role.MARKETER)
    path = sent(marketer).location
    assert "The person took it back" in marketer.get(path).text
    assert post(marketer, f"{path}/withdraw", how="rumour").status_code == 422
    assert post(person(Role.SALES), f"{path}/withdraw", how="letter").status_code == 403
    assert post(marketer, f"{path}/withdraw", how="letter", proof="in 2026/17").status_code == 302
    assert decided(capsys, "--address", "emil@mail.example")["code"] == "opted_out"
    known = record()
    assert known["withdrawn_at"] is not None
    assert (known["steps"][-1]["through"], known["steps"][-1]["evidence_ref"]) == ("letter", "in 2026/17")
    assert known["missing"] == []
    assert "The person took it back" not in person(Role.COMPLIANCE).get(path).text
    # Paper brings nobody back who left.
    assert sent(marketer, given_at=ago(hours=1)).status_code == 403
    with transaction() as session:
        assert verify(session) == []


def test_an_older_paper_changes_no_newer_consent_and_the_same_one_is_no_second(person, worded):
    marketer = person(Role.MARKETER)
    old, new = ago(days=90), ago(days=2)
    for moment in (new, old):
        assert sent(marketer, given_at=moment).status_code == 302
    assert record()["confirmed_at"] > clock.now() - timedelta(days=3)
    assert len(record()["steps"]) == 2
    assert "on record already" in sent(marketer, given_at=new).text
    # A double opt-in that comes after the paper is one.
    with transaction() as session:
        number = session.scalars(select(Consent.id).order_by(Consent.id.desc())).first()
        confirm_consent(session, consent_id=number, at=clock.now(), evidence=Confirmed())
    assert (record()["how_given"], record()["basis"]) == ("double_opt_in", "double_opt_in")
    assert sent(marketer, address="new@mail.example").status_code == 302


def test_the_scan_of_a_withdrawn_consent_goes_with_its_term_and_that_of_calls_later(person, worded):
    marketer = person(Role.MARKETER)
    assert sent(marketer).status_code == 302
    call = {"address": NUMBER, "channel": "phone", "basis": "recorded", "recording": "17"}
    assert sent(marketer, file=PHOTO, **call).status_code == 302

    def proofs_after(years: int) -> int:
        age = f"now() - interval '{years} years'"
        with transaction() as session:
            session.execute(
                text(f"UPDATE consent SET withdrawn_at = {age}, confirmed_at = {age} WHERE basis <> 'double_opt_in'")
            )
        with transaction() as session:
            retention.carry_out(session)
            return session.scalar(text("SELECT count(*) FROM proof"))

    assert [proofs_after(years) for years in (0, 3, 4, 6)] == [4, 4, 2, 0]
    with transaction() as session:
        assert find_phone(session, NUMBER) is not None
        assert verify(session) == []


def test_a_scan_is_judged_by_its_bytes():
    assert [scan(content).type for content in (PAPER, PICTURE, PHOTO)] == [PDF, PNG, JPEG]
    for broken in (b"", PAPER[1:], PAPER[:-8], PICTURE[:-4], PHOTO[:-2], b"<svg>", b"GIF89a", PAPER + b"x" * 2000):
        with pytest.raises(WrongInput):
            scan(broken)
    with pytest.raises(WrongInput, match="10 MB"):
        scan(b"%PDF-" + b"x" * LARGEST + b"%%EOF")


@given(st.binary(max_size=200))
def test_bytes_that_do_not_begin_like_a_scan_are_none(content):
    if not content.startswith((b"%PDF-", b"\x89PNG", b"\xff\xd8\xff")):
        with pytest.raises(WrongInput):
            scan(content)
