"""A bundle about a whole campaign tells every message and proves every decision, and shows every change."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from app.cli import main
from app.evidence import verify as verifier
from app.evidence.campaign_bundle import write_campaign
from core.db import transaction
from tests import world
from tests.evidence.test_bundle import _every_change_is_found


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("bundles") / "summer"


@pytest.fixture
def bundle(kept, request, tmp_path):
    """Made once: what checks it needs no database."""
    if not kept.exists():
        request.getfixturevalue("database")
        request.getfixturevalue("broker")
        world.make()
        write_campaign(kept, campaign="summer", actor="compliance@crew.example")
    shutil.copytree(kept, tmp_path / "summer")
    return tmp_path / "summer"


def lines(path: Path) -> list:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_bundle_about_a_campaign_tells_who_agreed_to_what_and_every_message(bundle):
    answer = verifier.verify(bundle)
    assert answer["findings"] == []
    told = json.loads((bundle / "campaign.json").read_text())
    assert [(one["action"], one["by"]) for one in told["approvals"]] == [
        ("submit", "marketer@crew.example"),
        ("approve", "releaser@crew.example"),
    ]
    assert told["template"]["versions"][0]["body"] == world.BODY
    assert told["segment"]["as_approved"] is True
    assert told["sender"]["imprint"] == "Shop GmbH, Wien"
    assert [one["version"] for one in told["rules"]] == [1]
    assert {one["list"] for one in told["lists"]} == {"at.ecg.file"}
    assert told["counts"]["states"] == {"ready": 3, "blocked": 3}
    reasons = {(one["verdict"], one["reason"]): one["messages"] for one in told["counts"]["verdicts"]}
    assert reasons == {("send", "consent"): 3, ("block", "opted_out"): 1, ("block", "no_basis"): 2}
    assert {"campaign.approved", "evidence.export"} <= {one["action"] for one in told["log"]}
    messages = lines(bundle / "messages.jsonl")
    assert len(messages) == 6
    ((sent, *_),) = [one["decisions"] for one in messages if one["state"] == "ready"][:1]
    assert (sent["verdict"], sent["reasons"], sent["stage"]) == ("send", ["consent"], "plan")
    assert len(sent["consent"]) == 36
    assert answer["rows"] == 6 + len(told["approvals"]) + len(told["log"])


def test_people_stand_in_it_by_number_unless_their_addresses_are_asked_for(database, broker, bundle, tmp_path, capsys):
    world.make()
    everything = b"".join(path.read_bytes() for path in bundle.rglob("*") if path.is_file())
    assert b"@mail.example" not in everything
    clear = tmp_path / "clear"
    for acting, code in (("sales", "not_permitted"), ("releaser", "not_permitted")):
        with pytest.raises(SystemExit):
            _make(clear, "--with-addresses", "--as", f"{acting}@crew.example")
        assert json.loads(capsys.readouterr().out)["error"]["code"] == code
    _make(clear, "--with-addresses", "--as", "compliance@crew.example")
    assert json.loads(capsys.readouterr().out)["ok"] is True
    assert {one["recipient"].partition("@")[0] for one in lines(clear / "messages.jsonl")} == {
        "ada", "bob", "cleo", "dora", "emil", "fritz",
    }  # fmt: skip
    _make(tmp_path / "numbers", "--as", "releaser@crew.example")
    assert json.loads(capsys.readouterr().out)["ok"] is True


def _make(folder: Path, *more: str) -> None:
    main(["evidence", "--campaign", "summer", "--out", str(folder), *more, "--json"])


def test_every_changed_byte_of_a_campaign_is_found(bundle, tmp_path):
    _every_change_is_found(bundle, tmp_path / "copy")


def test_a_changed_story_is_found_even_under_a_list_that_fits(bundle, tmp_path):
    """Whoever could sign the list of files anew would still have to change rows that an anchor stands for."""

    def found(name: str, change) -> str:
        copy = tmp_path / "forged"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(bundle, copy)
        path = copy / name
        path.write_text(change(path.read_text()))
        manifest = json.loads((copy / "manifest.json").read_text())
        links, rows = _read(copy, manifest)
        try:
            verifier.beside("verify_campaign").check(copy, links, rows, verifier.fields)
        except verifier.Broken as broken:
            return str(broken)
        return "nothing"

    def edited(number: int, change):
        def apply(content: str) -> str:
            rows = content.splitlines()
            value = json.loads(rows[number])
            rows[number] = json.dumps(change(value), ensure_ascii=False)
            return "\n".join(rows) + "\n"

        return apply

    def decided(**values):
        return edited(0, lambda one: one | {"decisions": [one["decisions"][0] | values]})

    for values in (
        {"verdict": "hold"}, {"reasons": ["consent", "x"]}, {"basis": "x"}, {"consent_id": 99}, {"stage": "gate"},
        {"decided_at": "2020-01-01T00:00:00+00"}, {"list_versions": {}}, {"rules_version": 9}, {"entry_id": 5},
        {"id": 77}, {"batch": 9},
    ):  # fmt: skip
        assert "is not what was sealed" in found("messages.jsonl", decided(**values)), values
    assert "is not what was sealed" in found("messages.jsonl", edited(0, lambda one: one | {"address": 1234}))
    assert "is sealed and not told" in found("messages.jsonl", edited(0, lambda one: one | {"decisions": []}))
    assert "stands in a wrong place" in found("messages.jsonl", lambda all_: "".join(reversed(all_.splitlines(True))))
    assert "by state do not add up" in found("messages.jsonl", edited(0, lambda one: one | {"state": "sent"}))
    assert "the seal does not fit" in found("chains/decision.jsonl", lambda all_: all_.replace("send", "hold", 1))
    assert "the seal does not fit" in found("chains/decision.jsonl", lambda all_: "".join(all_.splitlines(True)[:-1]))
    plan = {
        "marketer@crew.example": "is not what was sealed",
        "New boots": "of the wording was changed",
        '"segment": "everyone"': "is bound to something else",
    }
    for words, finding in plan.items():
        assert finding in found("campaign.json", lambda all_, words=words: all_.replace(words, words[::-1]))
    assert found("campaign.json", lambda all_: all_) == "nothing"


def _read(folder: Path, manifest: dict):
    rows = {"consent": {}, "decision": {}, "approval": {}, "audit": {}}
    anchors = verifier.read_anchors(folder, manifest)
    links = {}
    for path in sorted((folder / "chains").glob("*.json")):
        chain = json.loads(path.read_text())
        links[chain["chain"]] = digests = verifier.check_chain(chain, anchors)
        for batch in chain["batches"]:
            verifier.check_batch(chain["chain"], batch, digests)
            shown = [verifier.fields(row["text"]) for row in batch["rows"]]
            rows[chain["chain"]].update({str(row[0]): row for row in shown})
    return links["decision"], rows


def test_the_script_of_a_campaign_needs_nothing_but_python(bundle, tmp_path):
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(bundle / "verify.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not (bundle / "__pycache__").exists()


def test_neither_rows_of_other_campaigns_nor_messages_that_are_not_there_are_shown(database, broker, tmp_path):
    world.make()
    with transaction() as session:
        other = session.scalar(
            text(
                "INSERT INTO run (kind, name, sender_id, purpose, tracking, content, content_sha256, state) SELECT"
                " kind, 'other', sender_id, purpose, tracking, content, content_sha256, state FROM run RETURNING id"
            )
        )
        moved = session.scalar(
            text("UPDATE message SET run_id = :other WHERE id = (SELECT max(id) FROM message) RETURNING id"),
            {"other": other},
        )
    write_campaign(tmp_path / "summer", campaign="summer", actor="compliance@crew.example")
    assert verifier.verify(tmp_path / "summer")["findings"] == []
    rows = lines(tmp_path / "summer" / "chains" / "decision.jsonl")
    assert [type(row) for row in rows] == [dict, *[str] * 5, dict]
    assert str(moved) not in {verifier.fields(row)[1] for row in rows if isinstance(row, str)}
    # One that was not launched has no messages.
    write_campaign(tmp_path / "autumn", campaign="autumn", actor="compliance@crew.example")
    assert verifier.verify(tmp_path / "autumn")["findings"] == []
    assert not (tmp_path / "autumn" / "messages.jsonl").exists()
    story = json.loads((tmp_path / "autumn" / "campaign.json").read_text())
    assert [one["action"] for one in story["approvals"]] == ["submit"]
