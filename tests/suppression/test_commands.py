"""What the commands of this stage answer, key by key."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from contacts.cli import import_group
from core import users
from core.db import transaction
from core.permissions import Role
from suppression import Cause
from suppression.cli import lists_group
from suppression.models import SuppressionEntry
from tests.suppression.test_lists import VECTORS, ecg_file

OPT_OUTS = """email,channel,purpose,at,reason
Reader@One.example,email,newsletter,2026-11-14T14:37:02+00:00,unsubscribe link
reader@one.example ,email,newsletter,2026-11-14T14:37:02+00:00,letter
other@one.example,,,2026-11-13T10:00:00+00:00,Spam complaint
broken@@one.example,email,newsletter,2026-11-13T10:00:00+00:00,letter
nobody@one.example,email,newsletter,,letter
nobody@one.example,fax,newsletter,2026-11-13T10:00:00+00:00,letter
"""


def run(group: Any, *arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(group, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def opt_outs(tmp_path: Path) -> str:
    (tmp_path / "optouts.csv").write_text(OPT_OUTS)
    return str(tmp_path / "optouts.csv")


def test_opt_outs_are_imported_once_and_bad_rows_are_named(database: str, home: Path, opt_outs: str) -> None:
    first = run(import_group, "optouts", opt_outs)
    assert {key: first[key] for key in ("rows", "created", "updated", "unchanged", "rejected")} == {
        "rows": 6, "created": 2, "updated": 0, "unchanged": 1, "rejected": 3,
    }  # fmt: skip
    rejected = Path(first["errors_file"]).read_text()
    assert all(reason in rejected for reason in ("address_two_ats", "missing", "channel_unknown"))
    again = run(import_group, "optouts", opt_outs)
    assert (again["created"], again["unchanged"]) == (0, 3)
    with transaction() as session:
        found = {entry.cause: entry for entry in session.scalars(select(SuppressionEntry))}
    assert (found[Cause.OPTED_OUT].channel, found[Cause.OPTED_OUT].purpose) == ("email", "newsletter")
    assert found[Cause.OPTED_OUT].evidence["reason"] == "unsubscribe link"
    assert found[Cause.OPTED_OUT].evidence["line"] == 2
    assert (found[Cause.COMPLAINT].channel, found[Cause.COMPLAINT].purpose) == (None, None)


def test_a_rehearsal_counts_the_same_and_stores_nothing(database: str, home: Path, opt_outs: str) -> None:
    rehearsed = run(import_group, "optouts", opt_outs, "--dry-run")
    assert (rehearsed["created"], rehearsed["unchanged"], rehearsed["rejected"]) == (2, 1, 3)
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(SuppressionEntry)) == 0


def test_a_list_is_loaded_and_shown(database: str, home: Path, tmp_path: Path) -> None:
    file = str(ecg_file(tmp_path, list(VECTORS)))
    loaded = run(lists_group, "import", "at.ecg.file", file, "--published-at", "2026-11-01")
    assert loaded.keys() == {"list", "version", "records", "published_at", "sha256", "hits", "changed"}
    assert (loaded["list"], loaded["records"], loaded["published_at"], loaded["changed"]) == (
        "at.ecg.file", 4, "2026-11-01T00:00:00+00:00", True,
    )  # fmt: skip
    (shown,) = run(lists_group, "status")
    assert shown.keys() == {
        "list", "operator", "version", "records", "published_at", "age_days", "max_age_days", "state", "hits",
        "title", "country", "channels", "required", "outdated_from",
    }  # fmt: skip
    assert (shown["version"], shown["operator"]) == (loaded["version"], "RTR")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("at.ecg.file", "{file}", "--published-at", "yesterday"), "time_invalid"),
        (("at.ecg.file", "{file}", "--published-at", "2999-01-01"), "published_in_future"),
        (("de.nothing", "{file}"), "list_unknown"),
        (("at.ecg.file", "{file}.missing"), "list_unreadable"),
    ],
)
def test_what_cannot_be_loaded_is_wrong_input(
    database: str, home: Path, tmp_path: Path, arguments: tuple[str, ...], code: str
) -> None:
    file = str(ecg_file(tmp_path, list(VECTORS)))
    answer = run(lists_group, "import", *(argument.format(file=file) for argument in arguments), code=1)
    assert answer["error"]["code"] == code


def test_a_list_is_asked_about_addresses_compared_and_retired(database: str, home: Path, tmp_path: Path) -> None:
    with transaction() as session:
        users.add(session, email="compliance@firma.example", role=Role.COMPLIANCE)
    first = run(lists_group, "import", "at.ecg.file", str(ecg_file(tmp_path, list(VECTORS))))
    shorter = ("import", "at.ecg.file", str(ecg_file(tmp_path, list(VECTORS)[:3])), "--expect", "3")
    refused = run(lists_group, *shorter, code=2)["error"]
    assert (refused["code"], "--as U --reason R" in refused["remedy"]) == ("reason_needed", True)
    assert run(lists_group, *shorter, "--reason", "the new edition", code=1)["error"]["code"] == "user_missing"
    given = ("--as", "compliance@firma.example", "--reason", "the new edition")
    second = run(lists_group, *shorter, *given)
    asked = run(lists_group, "match", "at.ecg.file", "max.mustermann@home.at", "x@home.lan", "x@firma.lan")
    assert [(one["listed"], one["by_domain"], one["version"]) for one in asked] == [
        (True, False, second["version"]), (True, True, second["version"]), (False, False, second["version"]),
    ]  # fmt: skip
    changed = run(lists_group, "diff", "at.ecg.file", str(first["version"]), str(second["version"]))
    assert changed == {
        "list": "at.ecg.file", "before": first["version"], "after": second["version"],
        "added": 0, "removed": 1, "hits_gained": 0, "hits_lost": 0,
    }  # fmt: skip
    reason = ("--as", "compliance@firma.example", "--reason", "damaged")
    assert run(lists_group, "expire", "at.ecg.file", *reason)["state"] == "outdated"
    assert run(lists_group, "remove", "at.ecg.file", *reason)["state"] == "missing"
