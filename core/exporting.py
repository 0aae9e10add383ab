"""Lists as CSV files: one door for all of them, so that every file that leaves is written down in the audit log."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flask import Response, request, send_file
from sqlalchemy import Select
from sqlalchemy.orm import Session

from core import audit, tables
from core.db import transaction
from core.tables import Table
from core.web import acting

# Spreadsheets take a file without it for something older than UTF-8; the importer knows it too.
MARK = "\ufeff"


def table_as_csv(table: Table, source: Select[Any], *, name: str) -> Response:
    """All rows of a list as the address bar asks for them, without paging. For POST routes: it is written down."""
    question = tables.ask(table, request.args)
    with transaction() as session:
        lines = tables.export(session, table, source, question)
        # What was searched for may be somebody's address, which must not stand in the log for ever.
        asked = {key: value for key, value in question.address().items() if key != "q"}
        return _answer(session, lines, name=name, question=asked, searched=bool(question.search))


def rows_as_csv(session: Session, names: Sequence[str], rows: Iterable[Sequence[Any]], *, name: str) -> Response:
    """The same for a list that is no table of the database."""
    cells = ([tables.safe(value) for value in row] for row in rows)
    return _answer(session, map(tables.csv_line, [list(names), *cells]), name=name)


def _answer(session: Session, lines: Iterator[str], *, name: str, **details: Any) -> Response:
    # Written to a file first: no transaction stays open for as long as somebody's line is slow.
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    file.write(MARK.encode())
    rows = -1
    for line in lines:
        file.write(line.encode())
        rows += 1
    audit.record(
        session,
        actor=acting().email,
        user_id=acting().id,
        action=f"{name}.export",
        object_type=name,
        object_id="list",
        rows=rows,
        **details,
    )
    file.seek(0)
    answer: Response = send_file(file, mimetype="text/csv", as_attachment=True, download_name=f"{name}.csv")
    return answer
