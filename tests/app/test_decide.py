"""Asking changes nothing: `crusoe decide` may be called at any time, by anybody, as often as they like."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app.cli import crusoe
from contacts import choose
from core.db import transaction
from segments import parse
from segments import save as save_segment
from suppression import import_list
from tests.factories import people
from tests.suppression.test_lists import ECG, ecg_file


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(crusoe, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _every_row() -> dict[str, Any]:
    """Of every table: how many rows, and the youngest transaction that wrote one."""
    with transaction() as session:
        tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        return {
            table: tuple(
                session.execute(
                    text(f"SELECT count(*), max(xmin::text::bigint), md5(string_agg(t::text, '' ORDER BY t::text))"
                         f' FROM "{table}" AS t')
                ).one()
            )
            for table in tables
        }  # fmt: skip


@pytest.fixture
def company(database: str, tmp_path: Path) -> dict[str, int]:
    """Three people, one of them on a list that nobody has looked up yet, one without the topic."""
    import_list(
        path=ecg_file(tmp_path, ["cem@mail.example"]), list_id=ECG, published_at=datetime.now(UTC), actor="test"
    )
    with transaction() as session:
        addresses = people(session, ["ann", "ben", "cem"], country="AT")
        choose(session, addresses["ben"], topics_off=("hiking",))
        save_segment(
            session, code="everyone", name="Everyone", description="", definition=parse({"all": []}), actor="test"
        )
    return addresses


@pytest.mark.parametrize(
    "arguments",
    [
        ("--segment", "everyone", "--controller", "shop"),
        ("--segment", "everyone", "--controller", "shop", "--topic", "hiking"),
        ("--address", "ann@mail.example", "--controller", "shop"),
        ("--address", "nobody@mail.example"),
    ],
)
def test_deciding_changes_no_row_of_any_table(company: dict[str, int], arguments: tuple[str, ...]) -> None:
    before = _every_row()
    run("decide", *arguments)
    run("decide", *arguments)
    assert _every_row() == before


def test_who_switched_a_topic_off_is_blocked_for_it_and_for_nothing_else(company: dict[str, int]) -> None:
    everyone = ("decide", "--segment", "everyone", "--controller", "shop")
    assert run(*everyone)["reasons"] == {"consent": 2, "robinson_listed": 1}
    assert run(*everyone, "--topic", "hiking")["reasons"] == {"consent": 1, "topic_off": 1, "robinson_listed": 1}
    assert run(*everyone, "--topic", "cycling")["reasons"] == {"consent": 2, "robinson_listed": 1}
    ben = run("decide", "--address", "ben@mail.example", "--controller", "shop", "--topic", "hiking")
    assert (ben["verdict"], ben["reasons"], ben["basis"]) == ("block", ["topic_off"], "consent")
