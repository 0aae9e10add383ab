"""`crusoe block`: what each command answers, and that a file of blocks goes around whole."""

import csv
from pathlib import Path

import pytest
from sqlalchemy import func, select

from contacts import add_contact, email_address, erase
from contacts.models import Company
from core import users
from core.db import transaction
from core.permissions import Role
from suppression.block_cli import block_group
from suppression.models import SuppressionEntry
from tests.factories import controller
from tests.suppression.test_commands import run

ANNA, BERT = ("--as", "anna@house.example"), ("--as", "bert@house.example")

FILE = """what,kind,channel,purpose,controller,until,reason
info@one.example,role account,email,newsletter,,,a desk
'@rival.example,competitor,,,,2099-12-31,rival
*.rival.example,competitor,,,shop,,rival
company:Rival GmbH,competitor,,,,,rival
dora@one.example,deceased,,,,,her son called
dora@one.example,deceased,,,,,again
two@@one.example,,,,,,x
@one.example,deceased,,,,,x
a@one.example,,fax,,,,x
a@one.example,,,,nobody,,x
a@one.example,,,,,2020-01-01,x
a@one.example,,,,,soon,x
a@one.example,,,,,,
company:Nobody,,,,,,x
"""


@pytest.fixture
def crew(database: str, home: Path) -> None:
    with transaction() as session:
        controller(session)
        session.add(Company(name="Rival GmbH", domain=None))
        for name, role in (("anna", Role.COMPLIANCE), ("bert", Role.COMPLIANCE), ("mark", Role.MARKETER)):
            users.add(session, email=f"{name}@house.example", role=role)


def test_a_block_is_added_listed_and_lifted_by_two(crew: None) -> None:
    added = run(
        block_group, "add", "@rival.example", "--kind", "competitor", "--until", "2099-12-31", "--reason", "x", *ANNA
    )
    assert added == {
        "entry": added["entry"],
        "created": True,
        "what": "@rival.example",
        "kind": "competitor",
        "on_its_way": 0,
    }
    (listed,) = run(block_group, "list")
    assert (listed["entry"], listed["until"][:10], listed["state"]) == (added["entry"], "2099-12-31", "stands")
    entry = str(added["entry"])
    assert run(block_group, "lift", entry, "--reason", "merged", *ANNA)["state"] == "asked"
    assert (
        run(block_group, "lift", entry, "--reason", "merged", *ANNA, code=2)["error"]["code"] == "second_person_needed"
    )
    (waiting,) = run(block_group, "list", "--requests")
    assert (waiting["entry_id"], waiting["asked_by"]) == (added["entry"], "anna@house.example")
    assert run(block_group, "lift", entry, "--refuse", "--reason", "no", *BERT)["state"] == "refused"
    assert run(block_group, "lift", entry, "--reason", "really", *BERT)["state"] == "asked"
    lifted = run(block_group, "lift", entry, "--reason", "yes", *ANNA)
    assert (lifted["state"], lifted["asked_by"], lifted["answered_by"]) == (
        "lifted", "bert@house.example", "anna@house.example",
    )  # fmt: skip
    assert run(block_group, "list") == []
    assert [one["state"] for one in run(block_group, "list", "--all")] == ["lifted"]


def test_who_may_not_block_is_refused(crew: None) -> None:
    mark = ("--as", "mark@house.example")
    for arguments in (
        ("add", "@rival.example", "--reason", "x"),
        ("open-case", "T-1", "a@one.example"),
        ("export", "--out", "/nowhere/else.csv"),
    ):
        assert run(block_group, *arguments, *mark, code=2)["error"]["code"] == "not_permitted"


def test_a_file_of_blocks_is_imported_once_and_bad_rows_are_named(crew: None, tmp_path: Path) -> None:
    (tmp_path / "blocks.csv").write_text(FILE)
    counts = {"rows": 14, "created": 5, "updated": 0, "unchanged": 1, "rejected": 8}
    for options in (("--dry-run",), ()):
        answer = run(block_group, "import", str(tmp_path / "blocks.csv"), *options, *ANNA)
        assert {key: answer[key] for key in counts} == counts
    with Path(answer["errors_file"]).open(encoding="utf-8-sig", newline="") as file:
        rejected = [tuple(row[:3]) for row in csv.reader(file)][1:]
    assert rejected == [
        ("8", "what", "address_two_ats"),
        ("9", "kind", "kind_for_people"),
        ("10", "channel", "channel_unknown"),
        ("11", "controller", "controller_unknown"),
        ("12", "until", "until_past"),
        ("13", "until", "not_a_time"),
        ("14", "reason", "missing"),
        ("15", "what", "company_unknown"),
    ]
    assert run(block_group, "import", str(tmp_path / "blocks.csv"), *ANNA)["unchanged"] == 6


def test_what_is_exported_can_be_imported_again_even_when_the_person_is_gone(crew: None, tmp_path: Path) -> None:
    (tmp_path / "blocks.csv").write_text(FILE)
    out = tmp_path / "out.csv"
    with transaction() as session:
        contact = add_contact(session, email=email_address("info@one.example"), country="DE")
    run(block_group, "import", str(tmp_path / "blocks.csv"), *ANNA)
    run(block_group, "open-case", "T-1", "erna@one.example", *ANNA)
    with transaction() as session:
        erase(session, contact, actor="test")
        before = session.scalar(select(func.count(SuppressionEntry.id)))
    assert run(block_group, "export", "--out", str(out), *ANNA)["blocks"] == 5
    text = out.read_text()
    assert "hash:" in text
    assert "info@" not in text
    assert "'@rival.example" in text
    again = run(block_group, "import", str(out), *BERT)
    assert (again["unchanged"], again["created"], again["rejected"]) == (5, 0, 0)
    with transaction() as session:
        assert session.scalar(select(func.count(SuppressionEntry.id))) == before


def test_a_case_is_closed_by_its_number(crew: None) -> None:
    opened = run(block_group, "open-case", "T-7", "a@one.example", "b@one.example", *ANNA)
    assert opened == {"case": "T-7", "system": "command line", "open": True, "people": 2}
    assert run(block_group, "close-case", "T-7", *BERT)["people"] == 2
    assert run(block_group, "close-case", "T-7", *BERT, code=1)["error"]["code"] == "case_unknown"
