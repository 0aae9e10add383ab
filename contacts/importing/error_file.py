"""The rejected rows as a file that people open in a spreadsheet, correct, and import again."""

import csv
import os
import re
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from contacts.importing.intake import Rejection
from contacts.importing.rows import FORMULA_STARTS
from contacts.importing.source import Source
from core import clock
from core.errors import WrongInput
from core.sentences import say
from core.settings import settings

# A number is no formula, and must stay a number for the import of the corrected file.
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?").fullmatch


class ErrorFile:
    """Opened at the first rejected row, so that a clean import leaves no file. Readable by its owner only."""

    def __init__(self, source: Source, *, name: str, path: Path | None) -> None:
        self.source = source
        self.path = path or _default(name)
        if path is not None and path.resolve() == source.path.resolve():
            raise WrongInput(
                "errors_over_input", say("Rejected rows would overwrite the file they come from."), where=str(path)
            )
        self.count = 0
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    @property
    def written(self) -> str | None:
        """Where the file is, if there is one."""
        return str(self.path) if self._file else None

    def add(self, rejection: Rejection, raw: str) -> None:
        """Write one row: line, field, reason, explanation, then its cells as they were."""
        if self._file is None:
            self._file = self._open()
        cells = next(csv.reader(raw.splitlines(keepends=True), delimiter=self.source.delimiter), [])
        said = (str(rejection.line), rejection.field, rejection.reason, rejection.explanation)
        csv.writer(self._file).writerow(map(harmless, (*said, *cells)))
        self.count += 1

    def _open(self) -> TextIO:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise WrongInput(
                "errors_not_written",
                say("The rejected rows cannot be written: %(why)s.", why=error.strerror),
                say("Name another file with --errors; what was stored until now counts as unchanged then."),
                where=str(self.path),
            ) from error
        # The mark makes spreadsheets read UTF-8; the importer knows it too.
        file = os.fdopen(handle, "w", encoding="utf-8-sig", newline="")
        csv.writer(file).writerow(map(harmless, ("line", "field", "reason", "explanation", *self.source.header)))
        return file


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe stands before what would be one."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) and not _NUMBER(cell) else cell


def _default(name: str) -> Path:
    return settings().home / "import-errors" / f"{name}-{clock.now():%Y%m%d-%H%M%S-%f}.csv"
