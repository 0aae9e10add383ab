"""A chunk of rows as a temporary table, so that one statement can work on all of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg.sql import SQL, Identifier
from sqlalchemy import text
from sqlalchemy.orm import Session


def stage(session: Session, *, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY `rows` into the temporary table `table`; `columns` maps names to PostgreSQL types. Gone at the commit."""
    names = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    session.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table}"))
    session.execute(text(f"CREATE TEMP TABLE {table} ({names}) ON COMMIT DROP"))
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the session has no open connection")
    with connection.cursor() as cursor, cursor.copy(SQL("COPY {} FROM STDIN").format(Identifier(table))) as copy:
        for row in rows:
            copy.write_row(row)
