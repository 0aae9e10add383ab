"""One table for all list pages: allow-listed columns, search, filters, sorting, paging by key, export.

A page declares which columns may be sorted and filtered; what comes from the address bar only chooses among them, and
values travel as parameters. Paging is by key ("after this row"), so the thousandth page costs as much as the first.
"""

import base64
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, false, func, or_, select
from sqlalchemy.orm import Session

from core import days
from core.errors import WrongInput
from core.sentences import say

PER_PAGE = 50
COUNT_TO = 10_000
LONGEST_WORDS = 200
# Spreadsheets run cells that begin like this as formulas; a leading apostrophe makes them text.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Column:
    """A column that may be shown, sorted by, filtered by.

    `choices` (value → label) makes the filter a select box; `exact` makes it a field for this very value.
    """

    name: str
    label: str
    expression: SQLColumnExpression[Any]
    sortable: bool = True
    choices: Mapping[str, str] | None = None
    number: bool = False
    exact: bool = False


@dataclass(frozen=True)
class Table:
    """What a list page shows. `key` is unique and breaks ties; `search`: where the search box looks.

    `export` is the route that answers the list as CSV; whoever may use it sees the button. `hidden` columns stand in
    the cells of others; with a label, they are columns of the CSV too. `moment`: the time of a row, by which the list
    can be narrowed to some days.
    """

    columns: tuple[Column, ...]
    key: SQLColumnExpression[Any]
    sort: str
    export: str
    descending: bool = False
    search: Callable[[str], ColumnElement[bool]] | None = None
    hidden: tuple[Column, ...] = ()
    moment: SQLColumnExpression[Any] | None = None

    @property
    def filters(self) -> tuple[Column, ...]:
        """The columns that the list can be narrowed by."""
        return tuple(one for one in (*self.columns, *self.hidden) if one.choices is not None or one.exact)

    def column(self, name: str) -> Column:
        """The column of this name; anything else is refused."""
        for column in self.columns:
            if column.name == name:
                return column
        raise WrongInput(
            "column_unknown",
            say("This list has no column %(name)s.", name=repr(name)),
            say("Choose one of its headings."),
        )


def contains(*columns: SQLColumnExpression[Any]) -> Callable[[str], ColumnElement[bool]]:
    """The usual search: the words stand somewhere in one of these columns; `%` and `_` mean themselves."""
    return lambda words: or_(*(column.icontains(words, autoescape=True) for column in columns))


@dataclass(frozen=True)
class Question:
    """What the reader asked for, read from the address bar and checked."""

    sort: str
    descending: bool
    search: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    after: tuple[Any, Any] | None = None

    def address(self, **changes: Any) -> dict[str, str]:
        """The query string of this question with some parts changed; paging starts anew."""
        sort = changes.get("sort", self.sort)
        descending = changes.get("descending", self.descending)
        parts = {"sort": ("-" if descending else "") + sort, "q": self.search} | dict(self.filters)
        if "after" in changes:
            parts["after"] = changes["after"]
        return {name: str(value) for name, value in parts.items() if value}


@dataclass(frozen=True)
class TablePage:
    """One page of a list: what `core/parts/table.html` draws."""

    table: Table
    question: Question
    rows: list[Mapping[str, Any]]
    count: int
    next: str | None

    @property
    def more(self) -> bool:
        """Whether there are more rows than were counted."""
        return self.count > COUNT_TO


def ask(table: Table, arguments: Mapping[str, str]) -> Question:
    """Read a question from the query string. An unknown column or a forged position is refused."""
    wanted = arguments.get("sort") or ("-" if table.descending else "") + table.sort
    descending, name = wanted.startswith("-"), wanted.removeprefix("-")
    if not table.column(name).sortable:
        raise WrongInput("column_unsortable", say("This list cannot be sorted by %(name)s.", name=repr(name)))
    filters = _filters(table, arguments)
    after = _opened(arguments["after"]) if arguments.get("after") else None
    search = arguments.get("q", "").strip()[:LONGEST_WORDS].replace("\x00", "")
    return Question(sort=name, descending=descending, search=search, filters=filters, after=after)


def _filters(table: Table, arguments: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in table.filters:
        value = arguments.get(column.name, "").strip()[:LONGEST_WORDS].replace("\x00", "")
        if value and column.choices is not None and value not in column.choices:
            raise WrongInput(
                "filter_unknown",
                say("%(value)s is no value of %(name)s.", value=repr(value), name=repr(column.name)),
            )
        found |= {column.name: value} if value else {}
    return found if table.moment is None else found | days.chosen(arguments)


def read(session: Session, table: Table, source: Select[Any], question: Question) -> TablePage:
    """One page of rows. `source` selects from what the columns belong to; its own columns are replaced."""
    chosen = _narrowed(table, source, question)
    count = session.scalar(select(func.count()).select_from(chosen.limit(COUNT_TO + 1).subquery())) or 0
    sort = table.column(question.sort)
    positioned = _after(chosen, table, sort, question)
    ordered = positioned.order_by(*_order(table, sort, descending=question.descending)).limit(PER_PAGE + 1)
    rows = [dict(row._mapping) for row in session.execute(ordered)]  # noqa: SLF001 - its public name in SQLAlchemy
    further = len(rows) > PER_PAGE
    rows = rows[:PER_PAGE]
    position = _closed(rows[-1][sort.name], rows[-1]["row_key"]) if further else None
    return TablePage(table=table, question=question, rows=list(rows), count=count, next=position)


def export(session: Session, table: Table, source: Select[Any], question: Question) -> Iterator[str]:
    """All rows of the question as CSV, a piece at a time."""
    sort = table.column(question.sort)
    chosen = _narrowed(table, source, question).order_by(*_order(table, sort, descending=question.descending))
    names = [column.name for column in (*table.columns, *table.hidden) if column.label]
    yield csv_line(names)
    result = session.execute(chosen.execution_options(yield_per=1000))
    for row in result:
        values = row._mapping  # noqa: SLF001
        yield csv_line([safe(values[name]) for name in names])


def safe(value: Any) -> str:
    """A value as a cell that no spreadsheet runs. Numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return "'" + text if text.startswith(FORMULA) else text


def csv_line(cells: list[str]) -> str:
    """One line of a CSV file."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _narrowed(table: Table, source: Select[Any], question: Question) -> Select[Any]:
    shown: list[ColumnElement[Any]] = [
        column.expression.label(column.name) for column in (*table.columns, *table.hidden)
    ]
    chosen = source.with_only_columns(*shown, table.key.label("row_key"), maintain_column_froms=True)
    for column in table.filters:
        if column.name in question.filters:
            chosen = chosen.where(column.expression == question.filters[column.name])
    if table.moment is not None:
        chosen = chosen.where(*days.between(table.moment, question.filters))
    if question.search and table.search:
        chosen = chosen.where(table.search(question.search))
    return chosen


def _order(table: Table, sort: Column, *, descending: bool) -> list[ColumnElement[Any]]:
    expressions = [sort.expression.desc() if descending else sort.expression.asc()]
    return [expressions[0].nulls_last(), table.key.desc() if descending else table.key.asc()]


def _after(chosen: Select[Any], table: Table, sort: Column, question: Question) -> Select[Any]:
    if question.after is None:
        return chosen
    value, key = question.after
    further = table.key < key if question.descending else table.key > key
    if value is None:
        return chosen.where(and_(sort.expression.is_(None), further))
    beyond = sort.expression < value if question.descending else sort.expression > value
    empty = sort.expression.is_(None) if sort.expression is not table.key else false()
    return chosen.where(or_(beyond, and_(sort.expression == value, further), empty))


def _closed(value: Any, key: Any) -> str:
    kind, plain = ("t", value.isoformat()) if isinstance(value, datetime) else ("v", value)
    text = json.dumps([kind, plain, key], default=str)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _opened(text: str) -> tuple[Any, Any]:
    try:
        kind, value, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        known = isinstance(key, int | str) and isinstance(value, int | float | str | bool | None)
        opened = (datetime.fromisoformat(value) if kind == "t" else value), key
    except (ValueError, TypeError):
        known = False
    if not known:
        raise WrongInput("position_unknown", say("This page of the list is not known."), say("Start at the first."))
    return opened
