"""Every promise in writing names tests, and every test that it names is there."""

import ast
import re
from pathlib import Path

from tests.guards.source import ROOT, files

PAGE = (ROOT / "docs" / "guarantees.md").read_text()
NAMED = re.compile(r"^- `(tests/[\w/]+\.py)::(\w+)`", re.MULTILINE)


def names_in(path: Path) -> set[str]:
    """What pytest would find in a file, in its classes too."""
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_test_that_the_guarantees_name_exists():
    named = NAMED.findall(PAGE)
    missing = [
        f"{file}::{name}" for file, name in named if not (ROOT / file).exists() or name not in names_in(ROOT / file)
    ]
    assert missing == []
    # A line that only looks like one would name nothing.
    assert len(named) == len(re.findall(r"^- `tests/", PAGE, re.MULTILINE)) > 40


def test_every_guarantee_names_tests_and_none_is_missing():
    promises = re.split(r"^## G", PAGE, flags=re.MULTILINE)[1:]
    assert [int(said.split()[0]) for said in promises] == list(range(1, 13))
    assert [said.splitlines()[0] for said in promises if not NAMED.search(said)] == []


def test_only_a_claim_does_not_wait_for_its_commit():
    """Whatever else is told to anybody must be on disk before."""
    relaxed = {str(file.relative_to(ROOT)) for file in files() if "synchronous_commit" in file.read_text()}
    assert relaxed == {"delivery/claim.py"}
