"""Reading CSV files of any size into the database: streaming, in sets, restartable.

In comes a file and an `Intake`, which says what the columns mean, how a row is read and how a chunk of rows is stored.
Out come the counts and, when rows were rejected, a file that names for each the line, the field, the reason and the
original row. Chunks are committed one by one: after a crash the same file is imported again, and what is stored already
counts as unchanged. A rehearsal (`--dry-run`) counts the same and stores nothing.
"""

from contacts.importing.intake import (
    Field,
    Intake,
    Layout,
    Origin,
    Outcome,
    Reader,
    Rejected,
    Rejection,
    Result,
    Row,
    Rows,
)
from contacts.importing.run import import_file
from contacts.importing.staging import escaped, stage, stage_lines

__all__ = [
    "Field",
    "Intake",
    "Layout",
    "Origin",
    "Outcome",
    "Reader",
    "Rejected",
    "Rejection",
    "Result",
    "Row",
    "Rows",
    "escaped",
    "import_file",
    "stage",
    "stage_lines",
]
