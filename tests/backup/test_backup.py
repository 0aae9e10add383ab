"""One file, encrypted, whole, read back, and only as many of them as were asked for."""

import json
import re
from datetime import UTC, datetime, time

import pytest
import time_machine
from click.testing import CliRunner

from app.backup import contents, keeping
from app.backup.checking import read_keys
from app.backup.cli import unlocker
from app.backup.parcel import ParcelReader
from app.backup.sealed_stream import SealedReader
from app.cli import crusoe
from core import db
from core.db import transaction
from core.errors import WrongInput
from core.settings import settings
from tests.factories import people


def run(*words, code=0):
    result = CliRunner().invoke(crusoe, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def key(tmp_path, database, monkeypatch):
    """The file of the secret key; the public one is set."""
    made = run("backup", "key", str(tmp_path / "key"))
    monkeypatch.setenv("CRUSOE_BACKUP_RECIPIENTS", made["public_key"])
    settings.cache_clear()
    return tmp_path / "key"


def entries(file, key):
    with file.open("rb") as opened:
        parcel = ParcelReader(SealedReader(opened, unlock=unlocker([key])))
        return {name: b"".join(blocks) for name, blocks in parcel.entries()}


def test_a_backup_holds_what_an_installation_needs_and_tells_nobody_anything(key, home, monkeypatch):
    with transaction() as session:
        people(session, ["anna"])
    for name in (
        "imports/1/list.csv",
        "anchors/1.json",
        "log/crusoe.log",
        "postgres/x",
        ".unfinished",
        "dkim/news.pem",
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(f"anna stands in {name}")
    monkeypatch.setenv("CRUSOE_BACKUP_PASSPHRASE", "four words of mine")
    made = run("backup", str(home.parent / "there.backup"))
    file = home.parent / "there.backup"
    assert file.stat().st_mode & 0o077 == 0
    assert b"anna" not in file.read_bytes()
    found = entries(file, key)
    assert {name for name in found if name.startswith("home/")} == {
        *("home/imports/1/list.csv", "home/anchors/1.json", "home/dkim/news.pem", "home/keys.json")
    }
    assert found["home/imports/1/list.csv"] == b"anna stands in imports/1/list.csv"
    assert found[contents.DATABASE].startswith(b"PGDMP")
    said = json.loads(found[contents.SETTINGS])
    assert said["CRUSOE_HOME"] == str(home)
    assert "CRUSOE_BACKUP_PASSPHRASE" not in said
    assert made["migration"] == json.loads(found[contents.FACTS])["migration"]

    # By the key or by the passphrase; not without either, and not when a byte was changed.
    assert run("backup", "check", str(file), "--key", str(key))["database_sha256"] == made["database_sha256"]
    assert run("backup", "check", str(file))["files"] == len(found)
    monkeypatch.delenv("CRUSOE_BACKUP_PASSPHRASE")
    assert run("backup", "check", str(file), code=2)["error"]["code"] == "backup_locked"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert run("backup", "check", str(file), "--key", str(key), code=1)["error"]["code"] == "backup_damaged"

    # The key file can be left out, and then it is not there.
    run("backup", str(file), "--without-keys")
    assert not {"home/keys.json", "home/dkim/news.pem"} & entries(file, key).keys()


def test_keys_that_are_kept_apart_are_in_no_backup_and_none_is_made_without_them(key, home, monkeypatch):
    file, keys_file = home.parent / "there.backup", home.parent / "keys" / "there.keys"
    made = run("backup", str(file), "--keys", str(keys_file))
    assert not made["with_keys"]
    assert "home/keys.json" not in entries(file, key)
    kept = entries(keys_file, key)
    assert kept["home/keys.json"] == (home / "keys.json").read_bytes()
    assert {name for name in kept if name.startswith("home/")} == {"home/keys.json"}
    assert (home / "keys.json").read_bytes()[20:60] not in keys_file.read_bytes()
    # By a setting for those of every night; where the keys cannot be written, no backup is made.
    (home.parent / "taken").write_text("a file")
    monkeypatch.setenv("CRUSOE_BACKUP_KEYS", str(home.parent / "taken" / "there.keys"))
    settings.cache_clear()
    file.unlink()
    CliRunner().invoke(crusoe, ["backup", str(file)])
    assert not file.exists()
    # A backup is no file of keys.
    run("backup", str(file), "--without-keys")
    with pytest.raises(WrongInput, match="holds no keys"):
        read_keys(file, unlock=unlocker([key]))


def test_backups_are_thinned_out_and_their_age_is_told_and_nothing_is_made_that_nobody_could_open(
    key, home, monkeypatch
):
    others = home / "backups" / "mine.txt"
    others.parent.mkdir(parents=True)
    others.write_text("not ours")
    for day in ("2026-11-20", "2026-11-21", "2026-11-22"):
        with time_machine.travel(f"{day} 02:30:00+00:00", tick=False):
            made = run("backup", "--keep", "2")
    assert [file.name for file in sorted(others.parent.iterdir())] == [
        "crusoe-20261121-023000.backup", "crusoe-20261122-023000.backup", "mine.txt",
    ]  # fmt: skip
    assert made["removed"] == ["crusoe-20261120-023000.backup"]
    with time_machine.travel("2026-11-22 14:30:00+00:00", tick=False):
        standing = keeping.standing()
    assert (standing.age_hours, standing.trouble) == (12.0, None)

    # A dump that fails leaves no file, and the last good backup is still the last.
    monkeypatch.setenv("DATABASE_URL", re.sub(r"/test_\w+", "/nothing", settings().database_url))
    settings.cache_clear()
    db.forget_engine()
    assert run("backup", code=3)["error"]["code"] == "database_unreachable"
    assert len(list(others.parent.iterdir())) == 3
    assert keeping.standing().at == standing.at
    monkeypatch.delenv("CRUSOE_BACKUP_RECIPIENTS")
    settings.cache_clear()
    assert run("backup", code=1)["error"]["code"] == "no_lock"


AT = time(2, 30)


@pytest.mark.parametrize(
    ("now", "last", "failed", "due"),
    [
        ("2026-11-22T02:29", None, None, True),
        ("2026-11-22T02:29", "2026-11-21T02:31", None, False),
        ("2026-11-22T02:30", "2026-11-21T02:31", None, True),
        ("2026-11-22T23:00", "2026-11-22T02:31", None, False),
        ("2026-11-25T01:00", "2026-11-22T02:31", None, True),
        ("2026-11-22T02:40", "2026-11-21T02:31", "2026-11-22T02:31", False),
        ("2026-11-22T03:40", "2026-11-21T02:31", "2026-11-22T02:31", True),
    ],
)
def test_one_is_made_each_night_and_one_that_failed_is_tried_again_after_an_hour(now, last, failed, due):
    def moment(said):
        return said and datetime.fromisoformat(said).replace(tzinfo=UTC)

    assert keeping.is_due(moment(now), at=AT, last=moment(last), failed=moment(failed)) is due
