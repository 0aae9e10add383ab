"""Every reason that a decision can have is explained to people, and stands in the page for data protection officers."""

import re

import pytest

from app.wording import WORDS
from suppression.facts import Basis
from suppression.policies import shipped
from suppression.rules import ADVERTISING, ANSWERING
from tests.guards.source import ROOT

PAGE = (ROOT / "docs" / "compliance.md").read_text()
ROWS = {found[1]: found[0] for found in re.finditer(r"^\| `(\w+)` \|.*$", PAGE, re.MULTILINE)}
CODES = sorted({rule.code for rule in (*ADVERTISING.rules, *ANSWERING.rules)} | set(Basis))


def test_the_page_names_every_reason_and_no_other() -> None:
    assert sorted(ROWS) == CODES


@pytest.mark.parametrize("code", CODES)
def test_a_reason_has_words_a_file_and_a_test(code: str) -> None:
    assert WORDS["reason"][code].meaning
    *_, file, test = (cell.strip(" `") for cell in ROWS[code].strip("|").split("|"))
    assert (ROOT / file).is_file()
    assert any(f"def {test}(" in path.read_text() for path in (ROOT / "tests").rglob("test_*.py")), test


def test_each_country_is_a_file_that_says_where_its_rows_are_written() -> None:
    files = {path.stem for path in (ROOT / "suppression" / "policies").glob("*.yaml")}
    countries = {row.country for row in shipped()}
    assert files == {country.lower() for country in countries - {"*"}} | {"elsewhere"}
