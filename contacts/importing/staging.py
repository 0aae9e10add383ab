"""A chunk of rows as a temporary table, so that one statement can work on all of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from psycopg import Copy
from psycopg.sql import SQL, Identifier
from sqlalchemy import text
from sqlalchemy.orm import Session

# Enough for a write to be worth its call; psycopg sends it on at once.
BLOCK = 2_000


def stage(session: Session, *, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY `rows` into the temporary table `table`; `columns` maps names to PostgreSQL types. Gone at the commit."""
    with _opened(session, table, columns) as copy:
        for row in rows:
            copy.write_row(row)


def stage_lines(session: Session, *, table: str, columns: Mapping[str, str], lines: Iterable[str]) -> None:
    """The same for rows that are lines of COPY text already: cells `escaped`, tabs between them, no line ends."""
    lines = iter(lines)
    with _opened(session, table, columns) as copy:
        while block := list(islice(lines, BLOCK)):
            copy.write("\n".join(block) + "\n")


def escaped(value: str | None) -> str:
    """A value as COPY text has it."""
    if value is None:
        return "\\N"
    if "\\" not in value and value.isprintable():
        return value
    value = value.replace("\\", "\\\\")
    return value.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


@contextmanager
def _opened(session: Session, table: str, columns: Mapping[str, str]) -> Iterator[Copy]:
    names = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    session.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table}"))
    session.execute(text(f"CREATE TEMP TABLE {table} ({names}) ON COMMIT DROP"))
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the session has no open connection")
    with connection.cursor() as cursor, cursor.copy(SQL("COPY {} FROM STDIN").format(Identifier(table))) as copy:
        yield copy
