"""A bundle of evidence is whole, readable, and shows every change, on a machine that has nothing but Python."""

import ast
import json
import random
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from hashlib import sha256
from pathlib import Path

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import select, text

from app.cli import main
from app.evidence import verify as verifier
from app.evidence.bundle import VERIFIERS, bundle, write
from app.web import create_app
from contacts import save_privacy_notice
from core.db import transaction
from core.settings import settings
from delivery.models import Message
from preferences import FormPlan, save_form
from preferences.models import SignupRequest
from tests import world
from tests.delivery.sending import worker
from tests.preferences import scene
from tests.smtp_sink import Sink
from tracking import make_id_token


def _sign_up() -> None:
    """Ann signs up with every step of a double opt-in, and the mail is kept."""
    scene.form(topics=("hiking",))
    with transaction() as session:
        save_privacy_notice(session, version="p1", locale="en", text="We keep your address.")
        plan = FormPlan(
            code="news", controller="shop", sender="service-news", text_version="v1", privacy_version="p1",
            frequency="twice a month",
        )  # fmt: skip
        save_form(session, plan=plan)
    client = create_app().test_client()
    scene.sign_up(client, "Ann@Mail.example")
    assert worker().run() is False
    with transaction() as session:
        request = session.scalars(select(SignupRequest.id)).one()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2), tick=True):
        scene.confirm(client, make_id_token(request), **{"User-Agent": "Mozilla/5.0 Firefox/145.0"})


def _made(folder: Path, address: str, **only: str) -> Path:
    with transaction() as session:
        write(bundle(session, address=address, actor="dpo@crew.example", **only), to=folder)
    return folder


@pytest.fixture
def ann(database, broker, monkeypatch, tmp_path):
    """The bundle about somebody who signed up."""
    with Sink() as sink:
        monkeypatch.setenv("CRUSOE_SMTP_URL", sink.url)
        settings.cache_clear()
        _sign_up()
    return _made(tmp_path / "ann", "ann@mail.example")


def test_a_bundle_shows_the_whole_way_of_a_consent_and_every_changed_byte(ann, tmp_path):
    assert verifier.verify(ann)["findings"] == []
    told = json.loads((ann / "evidence.json").read_text())
    (consent,) = told["consents"]
    assert {"requested", "mail_sent", "confirmed"} <= {step["step"] for step in consent["steps"]}
    kinds = sorted(path.suffix for path in (ann / "proofs").iterdir())
    assert {".eml", ".html", ".txt", ".json"} <= set(kinds)
    mail = message_from_bytes(next((ann / "proofs").glob("*.eml")).read_bytes(), policy=policy.SMTP)
    assert consent["reference"] in mail.get_body(("plain",)).get_content()
    for name, words in (("index.html", "Words agreed to"), ("index.de.html", "Einwilligungen")):
        page = (ann / name).read_text()
        assert scene.WORDS in page
        assert consent["reference"] in page
        assert words in page
        assert "<script" not in page
    _every_change_is_found(ann, tmp_path / "copy")


def _every_change_is_found(folder: Path, copy: Path) -> None:
    """A byte in every file at many places, a file too few, a file too many, and two files that changed places."""
    shutil.copytree(folder, copy)
    dice = random.Random(7)
    for path in sorted(copy.rglob("*")):
        if not path.is_file():
            continue
        whole = path.read_bytes()
        places = {0, len(whole) - 1, *(dice.randrange(len(whole)) for _ in range(12))}
        for place in sorted(places):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << dice.randrange(8))]) + whole[place + 1 :])
            assert not verifier.verify(copy)["ok"], (path.name, place)
        path.write_bytes(whole[:-1])
        assert not verifier.verify(copy)["ok"], path.name
        path.write_bytes(whole + b"\n")
        assert not verifier.verify(copy)["ok"], path.name
        path.unlink()
        assert not verifier.verify(copy)["ok"], path.name
        path.write_bytes(whole)
    (copy / "more.txt").write_text("more")
    assert not verifier.verify(copy)["ok"]
    (copy / "more.txt").unlink()
    assert verifier.verify(copy)["ok"]


def test_who_signs_a_changed_bundle_anew_is_found_by_the_seals_and_by_the_key(ann):
    """With a key of one's own every list can be made to fit, but not the rows that an anchor stands for."""
    forger = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    ours = json.loads((ann / "manifest.json").read_text())["public_key"]
    story = json.loads((ann / "evidence.json").read_text())
    story["consents"][0]["steps"][0]["sealed"]["text_version"] = "v2"
    (ann / "evidence.json").write_text(json.dumps(story))
    _sign_anew(ann, forger)
    assert any("another key" in finding for finding in verifier.verify(ann)["findings"])
    for path in (ann / "anchors").iterdir():
        parts = json.loads(path.read_text())
        parts |= {"signature": forger.sign(parts["document"].encode()).hex(), "public_key": _key(forger)}
        path.write_text(json.dumps(parts))
    _sign_anew(ann, forger)
    assert any("not what was sealed" in finding for finding in verifier.verify(ann)["findings"])
    chain = json.loads((ann / "chains" / "consent.json").read_text())
    row = chain["batches"][0]["rows"][0]
    row["text"] = row["text"].replace("v1", "v2")
    (ann / "chains" / "consent.json").write_text(json.dumps(chain))
    _sign_anew(ann, forger)
    assert any("a row was changed" in finding for finding in verifier.verify(ann)["findings"])
    # Every digest above the row can be made to fit, up to the one that the anchor stands for.
    batch = chain["batches"][0]
    batch["leaves"]["0"][row["place"]] = sha256(row["text"].encode()).hexdigest()
    _store(ann, chain, forger)
    assert any("a knot of digests was changed" in finding for finding in verifier.verify(ann)["findings"])
    batch["knots"][0] = sha256(b"".join(map(bytes.fromhex, batch["leaves"]["0"]))).hexdigest()
    _store(ann, chain, forger)
    assert any("the seal does not fit" in finding for finding in verifier.verify(ann)["findings"])
    link = next(one for run in chain["runs"] for one in run["links"] if one["seq"] == batch["seq"])
    root = sha256(batch["beside"].encode()).digest() + b"".join(map(bytes.fromhex, batch["knots"]))
    link["digest"] = sha256(root).hexdigest()
    _store(ann, chain, forger)
    assert any("does not lead to anchor" in finding for finding in verifier.verify(ann)["findings"])
    assert _key(forger) != ours


def _store(folder: Path, chain: dict, private) -> None:
    (folder / "chains" / "consent.json").write_text(json.dumps(chain))
    _sign_anew(folder, private)


def _key(private) -> str:
    return private.public_key().public_bytes_raw().hex()


def _sign_anew(folder: Path, private) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in manifest["files"]:
        content = (folder / entry["path"]).read_bytes()
        entry |= {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    written = json.dumps(manifest | {"public_key": _key(private)}).encode()
    (folder / "manifest.json").write_bytes(written)
    (folder / "manifest.sig").write_bytes(private.sign(written).hex().encode() + b"\n")


def test_the_script_in_the_bundle_needs_nothing_but_python(ann, tmp_path):
    """Started from the bundle, in isolation: no site packages, nothing of ours on the path."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(ann / "verify.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Everything is as it was written" in done.stdout
    page = ann / "index.html"
    page.write_text(page.read_text().replace("Ann", "Bob").replace("ann", "bob"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py"], cwd=ann, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "index.html: was changed" in done.stdout


@pytest.mark.parametrize("path", VERIFIERS, ids=lambda path: path.name)
def test_the_script_is_written_for_an_old_python(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= {"__future__", "importlib.util", "json", "re", "sys", "hashlib", "pathlib", "typing"}


@examples(max_examples=20, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), words=st.binary(max_size=200), place=st.integers(0, 511))
def test_the_script_checks_signatures_as_the_library_does(seed, words, place):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(words)
    assert verifier.is_signed(words, signature, public)
    assert not verifier.is_signed(words + b"x", signature, public)
    number = int.from_bytes(signature, "little") ^ (1 << place)
    assert not verifier.is_signed(words, number.to_bytes(64, "little"), public)


@pytest.mark.parametrize(
    ("key", "signature", "words"),
    [
        # RFC 8032 section 7.1, tests 1 and 2.
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            "",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            "72",
        ),
    ],
)
def test_the_published_signatures_are_right(key, signature, words):
    assert verifier.is_signed(bytes.fromhex(words), bytes.fromhex(signature), bytes.fromhex(key))
    assert not verifier.is_signed(bytes.fromhex(words), bytes(64), bytes.fromhex(key))


def test_a_bundle_about_a_campaign_shows_what_was_sent_and_what_was_refused(database, broker, tmp_path, capsys):
    world.make()
    for name, verdict in (("ada", "send"), ("bob", "block"), ("emil", "block")):
        folder = tmp_path / name
        main(["evidence", "--address", f"{name}@mail.example", "--campaign", "summer", "--out", str(folder), "--json"])
        answer = json.loads(capsys.readouterr().out)
        assert answer["ok"] is True
        told = json.loads((folder / "evidence.json").read_text())
        (message,) = told["messages"]
        assert (message["campaign"], message["decisions"][0]["verdict"]) == ("summer", verdict)
        assert {one["action"] for one in message["approvals"]} == {"submit", "approve"}
        assert [one["version"] for one in told["rules"]] == [message["decisions"][0]["rules_version"]]
        content = json.loads((folder / "proofs" / f"{message['content_sha256']}.json").read_text())
        assert content["subject"] == "New boots"
        assert "New boots" in (folder / "index.html").read_text()
        main(["evidence", "verify", str(folder), "--json"])
        assert json.loads(capsys.readouterr().out)["ours"] is True
    with transaction() as session:
        numbers = set(map(str, session.scalars(select(Message.id))))
    bob = json.loads((tmp_path / "bob" / "evidence.json").read_text())["messages"][0]["message"]
    # Of everybody else in the same batch there are digests, and no row.
    rows = json.loads((tmp_path / "bob" / "chains" / "decision.json").read_text())["batches"][0]["rows"]
    assert len(numbers) > 1
    assert [row["text"].split(",")[1] for row in rows] == [str(bob)]


def test_a_bundle_answers_wrong_questions_with_what_to_do(database, broker, tmp_path, capsys):
    world.make()
    for arguments, code in (
        (["--address", "nobody@mail.example", "--out", str(tmp_path / "x")], "address_unknown"),
        (["--address", "ada@mail.example", "--campaign", "none", "--out", str(tmp_path / "x")], "campaign_unknown"),
        (["--address", "ada@mail.example", "--consent", "none", "--out", str(tmp_path / "x")], "consent_unknown"),
        (["--address", "ada@mail.example", "--out", str(tmp_path)], "folder_not_empty"),
        (
            ["--address", "ada@mail.example", "--out", str(tmp_path / "x"), "--as", "sales@crew.example"],
            "not_permitted",
        ),
        (["verify", str(tmp_path)], "no_bundle"),
    ):
        (tmp_path / "something").touch()
        with pytest.raises(SystemExit):
            main(["evidence", *arguments, "--json"])
        assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_an_incident_names_what_went_out_under_a_version_that_proved_wrong(database, broker, capsys):
    world.make()
    with transaction() as session:
        address = session.execute(text("SELECT max(address_id) AS a FROM message WHERE state = 'ready'")).scalar_one()
        session.execute(text("ALTER TABLE message DISABLE TRIGGER USER"))
        session.execute(
            text(
                "UPDATE message SET state = 'sent', handed_over_at = now(),"
                " decision_id = (SELECT max(id) FROM decision WHERE message_id = message.id) WHERE address_id = :a"
            ),
            {"a": address},
        )
        session.execute(text("ALTER TABLE message ENABLE TRIGGER USER"))
        rules = session.scalar(text("SELECT max(rules_version) FROM decision_context"))
    main(["evidence", "incident", "--rules", str(rules), "--json"])
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["campaign"], row["messages"], row["addresses"]) == ("summer", 1, 1)
    for arguments in (["--rules", str(rules + 1)], ["--list-version", "999"], ["--text", "v9"]):
        main(["evidence", "incident", *arguments, "--json"])
        assert json.loads(capsys.readouterr().out) == []
    for arguments, code in (([], "incident_unclear"), (["--rules", "x"], "version_invalid")):
        with pytest.raises(SystemExit):
            main(["evidence", "incident", *arguments, "--json"])
        assert json.loads(capsys.readouterr().out)["error"]["code"] == code
