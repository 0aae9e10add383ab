"""Files to import, and what a database holds after it."""

from pathlib import Path
from typing import Any

from sqlalchemy import text

from contacts.importing import Intake, Result, import_file
from core.db import transaction


def write(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def load(intake: Intake[Any], path: Path, **options: Any) -> Result:
    result = import_file(intake, path=path, **options)
    assert result.rows == result.created + result.updated + result.unchanged + result.rejected
    return result


def counts(result: Result) -> tuple[int, int, int, int]:
    return result.created, result.updated, result.unchanged, result.rejected


def rows(query: str) -> list[tuple[Any, ...]]:
    with transaction() as session:
        return [tuple(row) for row in session.execute(text(query))]
