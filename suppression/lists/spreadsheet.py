"""Rows of a spreadsheet (XLSX), read by a child process that may use so much memory and time and no more.

Such a file comes from outside and its readers are large programs; what goes wrong inside one ends there.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from core.errors import CrusoeError
from core.sentences import say
from suppression.lists.adapter import broken

SECONDS = 120
MEMORY = 1024 * 1024 * 1024
LARGEST = 64 * 1024 * 1024


def sheet_rows(path: Path, *, sheet: str | None) -> Iterator[tuple[int, list[str]]]:
    """The rows of a sheet as text, the first one unless it is named, with their numbers. Empty rows are left out."""
    if path.stat().st_size > LARGEST:
        raise broken(path, 0, say("The spreadsheet is larger than any such list."))
    child = subprocess.Popen(
        [sys.executable, "-I", "-c", _READER, str(path), sheet or "", str(SECONDS), str(MEMORY)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdout is not None  # noqa: S101 - asked for above
    finished = False
    try:
        for line in child.stdout:
            row = json.loads(line)
            if row == "end":
                finished = True
                break
            yield row[0], row[1]
    finally:
        child.kill()
        child.wait()
    if not finished:
        raise _unreadable(path)


def _unreadable(path: Path) -> CrusoeError:
    return broken(path, 0, say("The spreadsheet is damaged, has no such sheet, or takes too much memory or time."))


# Runs on its own with nothing of ours. Numbers that are whole are written without a fraction; formulas are not run.
_READER = """
import json, resource, sys
path, sheet, seconds, memory = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
from python_calamine import CalamineWorkbook
book = CalamineWorkbook.from_path(path)
found = book.get_sheet_by_name(sheet) if sheet else book.get_sheet_by_index(0)
def words(cell):
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
for number, row in enumerate(found.iter_rows(), start=1 + (found.start or (0, 0))[0]):
    cells = [words(cell) for cell in row]
    if any(cells):
        print(json.dumps([number, cells]), flush=False)
print(json.dumps("end"), flush=True)
"""
