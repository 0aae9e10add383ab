"""Time stamps of anchors (RFC 3161): asked for, checked, kept, carried along, and every wrong answer refused."""

import json
import shutil
import socket
import subprocess
import sys
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
from sqlalchemy import select, text, update

from app.cli import main
from app.evidence import verify as verifier
from app.evidence import verify_time_stamp as script
from app.evidence.bundle import bundle, write
from app.evidence.models import TimeStamp
from app.evidence.stamp_check import check, verify_everything
from app.evidence.stamp_files import stamp_of
from app.evidence.tasks import anchor as anchor_job
from app.evidence.tasks import stamp_anchors
from app.evidence.time_stamps import standing
from app.web import create_app
from core import audit
from core.db import transaction
from core.evidence_anchors import anchor, as_file, newest
from core.permissions import Role
from core.settings import settings
from core.users import User
from tests import factories
from tests.browsing import signed_in
from tests.evidence.authority import Authority, serving

CONTENT = b"what is stamped"


def question(content: bytes = CONTENT):
    return TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def quick() -> Authority:
    """RSA is what the script checks in no time."""
    return Authority("rsa")


@pytest.fixture
def anchored(database, broker) -> None:
    with transaction() as session:
        factories.people(session, ["ann"])
        audit.record(session, actor="ann", action="test", object_type="thing", object_id=1)
        anchor(session)


@pytest.fixture
def service(monkeypatch, tmp_path):
    """Say where the service is and which roots to trust."""

    def named(url: str | None, roots: Authority | None = None) -> None:
        monkeypatch.delenv("CRUSOE_TIMESTAMP_CA", raising=False)
        if roots is not None:
            (tmp_path / "roots.pem").write_bytes(roots.pem)
            monkeypatch.setenv("CRUSOE_TIMESTAMP_CA", str(tmp_path / "roots.pem"))
        monkeypatch.setenv("CRUSOE_TIMESTAMP_URL", url) if url else monkeypatch.delenv(
            "CRUSOE_TIMESTAMP_URL", raising=False
        )
        settings.cache_clear()

    yield named
    settings.cache_clear()


def found() -> list[str]:
    with transaction() as session:
        return [str(one.what) for one in verify_everything(session)]


def now():
    with transaction() as session:
        return standing(session)


@pytest.mark.parametrize(
    ("kind", "digest"),
    [("p256", "sha256"), ("p256", "sha512"), ("p384", "sha384"), ("rsa", "sha256"), ("rsa", "sha512")],
)
def test_the_script_checks_stamps_as_the_library_does(home, kind, digest):
    made = Authority(kind, digest)
    answer = made.answer(question().as_bytes())
    told = script.check(CONTENT, answer)
    assert told["by"] == "Stamps"
    assert check(CONTENT, answer).certificate == told["certificate"]
    wrong = (
        (made.answer(question(b"x").as_bytes()), "stamps something else"),
        (made.answer(question().as_bytes(), signer=Authority(kind, digest)), "has a signature that does not fit"),
        (made.answer(question().as_bytes(), status="rejection"), "was refused by the service"),
        (Authority(kind, digest, stamping=False).answer(question().as_bytes()), "not for time stamps"),
        (answer[:-3], "ends too early"),
        (answer.replace(b"Stamps", b"Stumps"), "was signed as something else"),
    )
    for one, why in wrong:
        with pytest.raises(script.Broken, match=why):
            script.check(CONTENT, one)
        with pytest.raises(ValueError, match=why):
            check(CONTENT, one)


@examples(max_examples=80, deadline=None)
@given(data=st.binary(max_size=200), place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_whatever_a_service_answers_is_read_or_refused(quick, data, place, bit):
    whole = bytearray(quick.answer(question().as_bytes()))
    whole[place % len(whole)] ^= 1 << bit
    for answer in (data, bytes(whole), bytes(whole[: place % len(whole)])):
        try:
            told = script.check(CONTENT, answer)
        except (script.Broken, script.Unknown):
            continue
        assert told["by"] == "Stamps"


def test_what_the_tool_of_others_says_is_what_we_say(authority, tmp_path):
    """With `openssl`, where it is installed, as somebody else would check a stamp."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    for name, content in (
        ("ca.pem", authority.pem),
        ("a", CONTENT),
        ("a.tsr", authority.answer(question().as_bytes())),
    ):
        (tmp_path / name).write_bytes(content)
    call = ["openssl", "ts", "-verify", "-data", "a", "-in", "a.tsr", "-CAfile", "ca.pem"]
    assert subprocess.run(call, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "a").write_bytes(b"other")
    assert subprocess.run(call, cwd=tmp_path, capture_output=True, check=False).returncode != 0


def test_an_anchor_is_stamped_and_the_stamp_goes_into_bundles(anchored, service, authority, tmp_path, capsys):
    with serving(authority.answer) as url:
        service(url, authority)
        stamp_anchors.run()
    with transaction() as session:
        last, row = newest(session), session.scalars(select(TimeStamp)).one()
        assert stamp_of(last.seq).read_bytes() == row.answer
        assert script.check(as_file(last), row.answer)["by"] == row.signer == "Stamps"
        write(bundle(session, address="ann@mail.example", actor="x"), to=tmp_path / "ann")
    assert found() == []
    main(["audit", "verify", "--json"])
    answer = json.loads(capsys.readouterr().out)["time_stamps"]
    assert (answer["stamped"], answer["anchor"], answer["trouble"]) == (1, 1, None)
    # Rows that came after the stamp need a newer anchor, which is stamped as well.
    with serving(authority.answer) as url:
        service(url)
        main(["audit", "anchor", "--json"])
    assert json.loads(capsys.readouterr().out)["time_stamp"]
    with transaction() as session:
        write(bundle(session, address="ann@mail.example", actor="x"), to=tmp_path / "again")
    copy = tmp_path / "again"
    stamps = verifier.verify(copy)["time_stamps"]
    assert [one["by"] for one in stamps] == ["Stamps"]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(copy / "verify.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Time stamp of anchor") == len(stamps)


def test_an_answer_that_is_none_is_shown_and_asked_for_again(anchored, service, authority):
    with transaction() as session:
        replayed = authority.answer(question(as_file(newest(session))).as_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/"
    cases = (
        (None, "ConnectError"),
        (lambda asked: authority.answer(asked, imprint=sha256(b"other").digest()), "stamps something else"),
        (lambda asked: authority.answer(asked, signer=Authority()), "has a signature that does not fit"),
        (lambda asked: authority.answer(asked, status="rejection"), "was refused by the service"),
        (lambda _: 503, "HTTP 503"),
        (lambda _: b"<html>", "ends too early"),
        (lambda _: replayed, "answers another question"),
        (Authority().answer, "CRUSOE_TIMESTAMP_CA names"),
    )
    page = signed_in(create_app(), Role.COMPLIANCE)
    for times, (answer, words) in enumerate(cases, start=1):
        with serving(answer or authority.answer) as url:
            service(url if answer else nobody, authority)
            stamp_anchors.run()
        trouble = now().trouble
        assert (trouble["anchor"], trouble["times"], trouble["code"]) == (1, times, "no_time_stamp")
        assert words in trouble["message"]
        assert not stamp_of(1).exists()
    assert words in page.get("/audit").text
    assert "the service was asked 8 times" in page.get("/").text
    for locale, said_so in (("de", "hat noch keinen Zeitstempel"), ("en", "has no time stamp yet")):
        with transaction() as session:
            session.execute(update(User).values(locale=locale))
        assert said_so in page.get("/audit").text
    assert found() == []
    # It comes to its senses.
    with serving(authority.answer) as url:
        service(url, authority)
        stamp_anchors.run()
    assert (now().trouble, now().anchor) == (None, 1)
    assert "by Stamps" in page.get("/audit").text
    assert "the service was asked" not in page.get("/").text


def test_without_a_service_nothing_is_missing(anchored, service, capsys):
    service(None)
    anchor_job.run()
    stamp_anchors.run()
    assert (now().stamped, now().trouble, found()) == (0, None, [])
    main(["audit", "anchor", "--json"])
    assert json.loads(capsys.readouterr().out)["time_stamp"] is None


def test_a_changed_lost_or_added_stamp_is_found(anchored, service, authority):
    with serving(authority.answer) as url:
        service(url, authority)
        stamp_anchors.run()
    path, whole = stamp_of(1), stamp_of(1).read_bytes()
    for content in (whole[:-1] + b"x", whole + b"x"):
        path.write_bytes(content)
        assert found() == ["the file of its time stamp says something else"]
    path.unlink()
    assert found() == ["the file of its time stamp is missing"]
    stamp_anchors.run()
    assert found() == []
    stamp_of(9).write_bytes(whole)
    assert ["no anchor in the database" in one for one in found()] == [True]
    stamp_of(9).unlink()
    other = Authority().answer(question(b"x").as_bytes())
    for change, words in (
        ("DELETE FROM time_stamp", "knows another time stamp"),
        ("UPDATE time_stamp SET at = at - interval '1 day'", "names another moment"),
        (f"UPDATE time_stamp SET answer = '\\x{other.hex()}'", "stamps something else"),
    ):
        with transaction() as session:
            session.execute(text("ALTER TABLE time_stamp DISABLE TRIGGER append_only"))
            session.connection().exec_driver_sql(change)
            told = [str(one.what) for one in verify_everything(session)]
            session.rollback()
        assert any(words in one for one in told), (change, told)
    # Roots that are named later count for stamps of the past as well.
    service(None, Authority())
    assert any("CRUSOE_TIMESTAMP_CA" in one for one in found())


def test_a_stamp_that_somebody_fetched_by_hand_is_checked_too(anchored, service, authority):
    service(None)
    with transaction() as session:
        content = as_file(newest(session))
    stamp_of(1).write_bytes(authority.answer(question(content).as_bytes()))
    assert found() == []
    stamp_of(1).write_bytes(authority.answer(question(b"other").as_bytes()))
    assert any("stamps something else" in one for one in found())


def test_a_bundle_with_a_stamp_of_something_else_is_found(anchored, service, authority, tmp_path):
    """Even when the list of files was signed anew, the stamp does not fit the anchor."""
    service(None)
    for name in ("a", "b"):
        with transaction() as session:
            write(bundle(session, address="ann@mail.example", actor="x"), to=tmp_path / name)
    (seq,) = [path.name[:6] for path in (tmp_path / "b" / "anchors").glob("*.json")]
    stamp = tmp_path / "b" / "anchors" / f"{seq}.json.tsr"
    stamp.write_bytes(authority.answer(question((tmp_path / "b" / "anchors" / f"{seq}.json").read_bytes()).as_bytes()))
    assert [one["anchor"] for one in verifier.read_stamps(tmp_path / "b")] == [seq.lstrip("0")]
    stamp.write_bytes(authority.answer(question(b"other").as_bytes()))
    with pytest.raises(verifier.Broken, match="stamps something else"):
        verifier.read_stamps(tmp_path / "b")
