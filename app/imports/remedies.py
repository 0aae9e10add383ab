"""What to do about what an import complains of, said for somebody who sits at the page and not at a terminal."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.sentences import recalled

# Mistakes of the whole file, by code.
FILE = {
    "column_missing": _l("Rename a column, or say under “Mapping and encoding” which one it is, as “column: field”."),
    "encoding": _l("Save the file as UTF-8, or name its encoding under “Mapping and encoding”."),
    "encoding_unknown": _l("Leave the encoding empty, or name one such as utf-8 or cp1252."),
    "file_empty": _l("It needs a line of column names and then a line for each row."),
    "errors_not_written": _l("Whoever runs this installation must make room on its disk; then import the file again."),
    "file_unreadable": _l("Whoever runs this installation must make room on its disk; then import the file again."),
    "worker_lost": _l("Rows that were stored count as unchanged next time. The log of the installation says why."),
}

_AGAIN = _l("Correct the cell in the file of rejected rows, and import that file.")
_QUOTES = _l("Put the cell in quotes, write quotes inside it twice, and close the last one.")
_TIME = _l("Write the time like 2026-11-21T09:30:00+01:00, with its zone.")

# Rejected rows, by reason.
ROW = {
    "address_of_another": _l("Two people cannot share an address: give one of them another, or join the two rows."),
    "before_request": _l("Check which of the two times is wrong; a confirmation comes after its request."),
    "cell_count": _l("Put cells with a comma or a line break in quotes, so that each cell has its column."),
    "cell_too_long": _l("Shorten the cell, or close the quote that is open."),
    "channel_unknown": _l("Write one of the channels that are named."),
    "contact_unknown": _l("Import the contacts first, then this file again."),
    "in_future": _TIME,
    "line_too_long": _l("Shorten the cell, or close the quote that is open."),
    "missing": _l("Fill the cell in, or leave the row out."),
    "no_time_zone": _TIME,
    "not_a_time": _TIME,
    "quote_broken": _QUOTES,
    "quote_open": _QUOTES,
}


def for_file(code: str, remedy: Any) -> str:
    """What to do about a mistake of the whole file; `remedy` is what was kept of the importer's own."""
    return str(FILE[code]) if code in FILE else recalled(remedy) or _("Correct the file and import it again.")


def for_row(reason: str) -> str:
    """What to do about a rejected row."""
    return str(ROW.get(reason, _AGAIN))
