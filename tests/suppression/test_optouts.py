"""A file of objections: each row makes the entry that it says, with where it came from."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from sqlalchemy import select

from app.cli import crusoe
from contacts.models import Address
from core import keys
from core.db import transaction
from suppression import Cause
from suppression.models import SuppressionEntry

AT = "2026-11-14T14:37:02+00:00"

# Reason, cause.
REASONS = [
    ("", Cause.OPTED_OUT),
    ("letter", Cause.OPTED_OUT),
    ("Complaint", Cause.COMPLAINT),
    ("SPAM COMPLAINT", Cause.COMPLAINT),
    ("hard bounce", Cause.HARD_BOUNCE),
    ("Hard_Bounce", Cause.HARD_BOUNCE),
    ("internal block", Cause.INTERNAL_BLOCK),
    ("internal_block", Cause.INTERNAL_BLOCK),
    ("an internal block", Cause.OPTED_OUT),
    ("r" * 500, Cause.OPTED_OUT),
]


def imported(path: Path, *lines: str, code: int = 0) -> Any:
    path.write_text("\n".join(lines) + "\n")
    result = CliRunner().invoke(crusoe, ["import", "optouts", str(path), "--json"], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_each_row_makes_the_entry_that_it_says(database: str, home: Path, tmp_path: Path) -> None:
    rows = [f"p{number}@one.example,EMail,newsletter,{AT},{reason}" for number, (reason, _cause) in enumerate(REASONS)]
    wide = [f"wide@one.example,,{'w' * 100},{AT},", f"all@one.example,,,{AT},"]
    wrong = [
        f"purpose@one.example,email,{'p' * 101},{AT},letter",
        f"reason@one.example,email,newsletter,{AT},{'r' * 501}",
        f"channel@one.example,e mail,newsletter,{AT},letter",
        "time@one.example,email,newsletter,,letter",
    ]
    file = tmp_path / "letters.csv"
    done = imported(file, "email,channel,purpose,at,reason", *rows, *wide, *wrong)
    assert (done["created"], done["unchanged"], done["rejected"]) == (len(REASONS) + 2, 0, len(wrong))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    with transaction() as session:
        query = select(Address.key, SuppressionEntry).join(SuppressionEntry, SuppressionEntry.address_id == Address.id)
        found = dict(session.execute(query).all())

        def entry(name: str) -> SuppressionEntry:
            return found[keys.address_key(f"{name}@one.example")]

        for number, (reason, cause) in enumerate(REASONS):
            one = entry(f"p{number}")
            assert (one.cause, one.source, one.channel, one.purpose) == (cause, "import", "email", "newsletter")
            assert (one.controller_id, one.at) == (None, datetime.fromisoformat(AT).astimezone(UTC))
            told = {"file": "letters.csv", "sha256": sha256, "line": number + 2}
            assert one.evidence == told | ({"reason": reason} if reason else {})
        assert (entry("wide").channel, entry("wide").purpose) == (None, "w" * 100)
        assert (entry("all").channel, entry("all").purpose) == (None, None)
    again = imported(file, "email,channel,purpose,at,reason", *rows, *wide, *wrong)
    assert (again["created"], again["unchanged"]) == (0, len(REASONS) + 2)


def test_a_file_without_addresses_or_times_is_refused(database: str, home: Path, tmp_path: Path) -> None:
    for number, headings in enumerate(("channel,at", "email,channel")):
        refused = imported(tmp_path / f"{number}.csv", headings, "email,email", code=1)
        assert refused["error"]["code"] == "column_missing"
