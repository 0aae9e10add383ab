"""Lists: every row once, in order, whatever is asked; nothing from the address bar becomes SQL."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import column, select, table, text, values
from sqlalchemy.types import BigInteger, Text

from core import tables
from core.db import transaction
from core.errors import WrongInput
from core.tables import Column, Table, contains

_note = table("note", column("id", BigInteger), column("word", Text))


def notes(**options) -> Table:
    return Table(
        columns=(
            Column("id", "No.", _note.c.id),
            Column("word", "Word", _note.c.word, choices={"red": "Red", "blue": "Blue"}),
            Column("secret", "Secret", _note.c.word, sortable=False),
        ),
        key=_note.c.id,
        sort="id",
        export="notes.export",
        search=contains(_note.c.word),
        **options,
    )


def store(session, words):
    session.execute(text("CREATE TEMP TABLE note (id bigint PRIMARY KEY, word text) ON COMMIT DROP"))
    if words:
        rows = values(column("id", BigInteger), column("word", Text), name="given").data(list(enumerate(words, 1)))
        session.execute(_note.insert().from_select(["id", "word"], select(rows)))


def walk(session, shown, **arguments):
    """All rows, page by page, as somebody would who presses "next" until there is no more."""
    rows, question = [], tables.ask(shown, arguments)
    while True:
        page = tables.read(session, shown, select(_note), question)
        rows += [(row["id"], row["word"]) for row in page.rows]
        if page.next is None:
            return rows
        question = tables.ask(shown, question.address(after=page.next))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "ä", ""])), max_size=23),
    sort=st.sampled_from(["id", "-id", "word", "-word"]),
    size=st.integers(1, 7),
)
def test_paging_shows_every_row_once_and_in_order(database, words, sort, size):
    with pytest.MonkeyPatch.context() as patch, transaction() as session:
        patch.setattr(tables, "PER_PAGE", size)
        store(session, words)
        found = walk(session, notes(), sort=sort)
        name, turn = sort.removeprefix("-"), "DESC" if sort.startswith("-") else "ASC"
        order = text(f"SELECT id, word FROM note ORDER BY {name} {turn} NULLS LAST, id {turn}")
        assert found == [tuple(row) for row in session.execute(order)]


@pytest.mark.parametrize("sort", ["password", "id desc, pg_sleep(5)", "-", "secret", "note.id", "id--"])
def test_nothing_but_the_headings_can_be_sorted_by(sort):
    with pytest.raises(WrongInput):
        tables.ask(notes(), {"sort": sort})


@pytest.mark.parametrize("after", ["x", "!!!!", "W10", "eyJhIjoxfQ", "WyJ2IixbXSwxXQ", "\x00", "a" * 5000])
def test_a_forged_position_is_refused(after):
    with pytest.raises(WrongInput) as caught:
        tables.ask(notes(), {"after": after})
    assert caught.value.code == "position_unknown"


def test_a_filter_takes_only_its_choices():
    with pytest.raises(WrongInput):
        tables.ask(notes(), {"word": "green' OR 1=1 --"})


def test_signs_of_patterns_mean_themselves(database):
    with transaction() as session:
        store(session, ["100%", "100x", "a_b", "acb", "back\\slash"])
        for search, found in (("%", ["100%"]), ("_", ["a_b"]), ("\\", ["back\\slash"]), ("' OR 1=1 --", [])):
            page = tables.read(session, notes(), select(_note), tables.ask(notes(), {"q": search}))
            assert [row["word"] for row in page.rows] == found


def test_filters_and_search_hold_on_every_page(database, monkeypatch):
    monkeypatch.setattr(tables, "PER_PAGE", 2)
    with transaction() as session:
        store(session, ["red", "blue", "red", "red", "blue", "red"])
        assert walk(session, notes(), word="red") == [(1, "red"), (3, "red"), (4, "red"), (6, "red")]
        assert walk(session, notes(), q="lu", sort="-id") == [(5, "blue"), (2, "blue")]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("http://evil.example")'])
def test_an_exported_cell_is_never_a_formula(database, cell):
    with transaction() as session:
        store(session, [cell])
        text_ = "".join(tables.export(session, notes(), select(_note), tables.ask(notes(), {})))
    rows = list(csv.reader(io.StringIO(text_, newline="")))
    assert rows[0] == ["id", "word", "secret"]
    assert rows[1] == ["1", "'" + cell, "'" + cell]
