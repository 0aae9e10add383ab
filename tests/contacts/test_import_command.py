"""The commands answer the documented keys, exit codes and one clear sentence."""

import json

from click.testing import CliRunner

from contacts.cli import import_group
from tests.contacts.files import rows, write

HEADER = "customer_no,email,first_name"


def crusoe_import(*words):
    return CliRunner().invoke(import_group, [str(word) for word in words])


def test_the_answer_has_the_documented_keys(database, tmp_path):
    path = write(tmp_path / "a.csv", HEADER, "C1,a@b.example,Anna", "C2,n/a,Ben")
    answer = crusoe_import("contacts", path, "--json", "--errors", tmp_path / "errors.csv")
    assert answer.exit_code == 0
    assert json.loads(answer.stdout) == {
        "rows": 2,
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "rejected": 1,
        "errors_file": str(tmp_path / "errors.csv"),
    }
    assert rows("SELECT actor, action, object_id, details -> 'rejected' FROM audit_event") == [
        ("import", "import.contacts", "a.csv", 1)
    ]


def test_a_dry_run_is_not_even_audited(database, tmp_path):
    path = write(tmp_path / "a.csv", HEADER, "C1,a@b.example,Anna")
    assert json.loads(crusoe_import("contacts", path, "--dry-run", "--json").stdout)["created"] == 1
    assert rows("SELECT (SELECT count(*) FROM contact) + (SELECT count(*) FROM audit_event)") == [(0,)]


def test_wrong_input_ends_in_one_sentence_with_its_place(database, tmp_path):
    path = write(tmp_path / "a.csv", "number,name", "1,Anna")
    answer = crusoe_import("contacts", path)
    assert answer.exit_code == 1
    assert f"{path}:1: No column for email" in answer.output
    assert "Traceback" not in answer.output
    broken = json.loads(crusoe_import("contacts", tmp_path / "none.csv", "--json").stdout)
    assert broken["error"]["code"] == "file_missing"


def test_the_input_is_never_overwritten_by_its_errors(database, tmp_path):
    path = write(tmp_path / "a.csv", HEADER, "C1,n/a,Anna")
    before = path.read_bytes()
    assert crusoe_import("contacts", path, "--errors", path).exit_code == 1
    assert path.read_bytes() == before


def test_errors_that_cannot_be_written_are_said(database, tmp_path):
    path = write(tmp_path / "a.csv", HEADER, "C1,n/a,Anna")
    answer = crusoe_import("contacts", path, "--errors", path / "errors.csv")
    assert answer.exit_code == 1
    assert "cannot be written" in answer.output


def test_no_bar_is_drawn_in_a_pipe(database, tmp_path):
    answer = crusoe_import("contacts", write(tmp_path / "a.csv", HEADER, "C1,a@b.example,Anna"), "--json")
    assert answer.stderr == ""
