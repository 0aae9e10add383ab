"""The rows of law that come with the program: one YAML file for each country, read once."""

from functools import cache
from pathlib import Path

import yaml

from suppression.policy import PolicyRow

_FILES = Path(__file__).parent


@cache
def shipped() -> tuple[PolicyRow, ...]:
    """All rows, in the order of the countries' codes. A file that cannot be read is a mistake of ours: it raises."""
    return tuple(row for path in sorted(_FILES.glob("*.yaml")) for row in rows_of(path))


def rows_of(path: Path) -> tuple[PolicyRow, ...]:
    """The rows of one file."""
    document = yaml.safe_load(path.read_text())
    return tuple(PolicyRow.model_validate({"country": document["country"], **row}) for row in document["rows"])
