"""A file is read as it was meant, or refused with place and reason; broken rows do not take others with them."""

import resource

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.importing.error_file import harmless
from contacts.importing.intake import Rejection
from contacts.importing.rows import FORMULA_STARTS, RawRow, read_rows
from contacts.importing.source import LONGEST_CELL, LONGEST_LINE, open_source
from core.errors import WrongInput
from tests.contacts.files import write

NAMES = ("number;name", "1;Jürgen Müller", "2;José Größe", "3;Björn Weiß", "4;Käthe Köhler", "5;Jörg Schäfer")


def cells(path, **options):
    return [row.cells if isinstance(row, RawRow) else row[0] for row in read_rows(open_source(path, **options))]


def refusal(path, **options):
    with pytest.raises(WrongInput) as raised:
        open_source(path, **options)
    return raised.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_usual_encodings_are_read_right_without_being_named(tmp_path, encoding):
    found = cells(write(tmp_path / "a.csv", *NAMES, encoding=encoding))
    assert found == [line.split(";") for line in NAMES[1:]]


@pytest.mark.parametrize("encoding", ["cp1252", "cp1250", "cp850", "cp1251", "mac_roman", "shift_jis", "utf-16-le"])
def test_other_encodings_are_read_right_or_refused_with_a_remedy(tmp_path, encoding):
    words = {"cp1251": "Привет мир", "shift_jis": "日本語の名前", "cp1250": "Łukasz Dvořák", "cp1252": "Åsa Lefèvre"}
    text = words.get(encoding, "Größe")
    path = write(tmp_path / "a.csv", "number,name", *(f"{n},{text}" for n in range(20)), encoding=encoding)
    error = None
    try:
        assert cells(path)[0] == ["0", text]
    except WrongInput as refused:
        error = refused
    assert error is None or (error.code in {"encoding", "file_nul"} and "UTF-8" in error.remedy)
    assert error is None or error.where.startswith(str(path))
    assert cells(path, encoding=encoding)[0] == ["0", text]


def test_a_broken_byte_is_refused_with_its_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"number,name\n1,\xc3\x96zt\xc3\xbcrk\n2,\x81\x8d\n")
    assert refusal(path).where == f"{path}:3"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    path = write(tmp_path / "a.csv", delimiter.join(["number", "name"]), delimiter.join(["1", "Anna"]))
    assert cells(path) == [["1", "Anna"]]


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", "file_empty", ""),
        (b"\n1,2\n", "header_missing", ":1"),
        (b"a,a\n", "column_twice", ":1"),
        (b'a,"b\n', "header_broken", ":1"),
        (b"a,b\n1,2\n3,\0\n", "file_nul", ":3"),
        (",".join(map(str, range(201))).encode(), "too_many_columns", ":1"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, content, code, line):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    error = refusal(path)
    assert (error.code, error.where) == (code, f"{path}{line}")


def test_a_missing_file_is_refused(tmp_path):
    assert refusal(tmp_path / "none.csv").code == "file_missing"


@pytest.mark.parametrize("start", ['2,"', "2,"])
@pytest.mark.parametrize("end", ["\n", '"\n', "\r\n"])
def test_a_cell_of_200_mb_costs_its_row_and_is_never_held(tmp_path, start, end):
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write(f"number,name\n1,Anna\n{start}")
        for _ in range(200):
            file.write("x" * (1 << 20))
        file.write(f"{end}3,Chloe\n4,Dora\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first, bad, *good = cells(path)
    assert (bad.line, bad.reason) == (3, "line_too_long")
    assert [first, *good] == [["1", "Anna"], ["3", "Chloe"], ["4", "Dora"]]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 1024


def test_a_quote_open_before_a_line_without_end_costs_its_own_row(tmp_path):
    path = write(tmp_path / "a.csv", "number,name", '1,"Anna', '2,"' + "x" * (LONGEST_LINE + 1), '3"', "4,Dora")
    assert [row.reason if isinstance(row, Rejection) else row for row in cells(path)] == [
        "quote_open", "line_too_long", "cell_count", ["4", "Dora"],
    ]  # fmt: skip


def test_column_names_without_end_are_refused(tmp_path):
    assert refusal(write(tmp_path / "a.csv", "x" * (LONGEST_LINE + 1))).code == "header_too_long"


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path):
    path = write(tmp_path / "a.csv", "number,name", '1,"Anna', "2,Ben", "3,Chloe")
    bad, *good = cells(path)
    assert (bad.line, bad.reason) == (2, "quote_open")
    assert good == [["2", "Ben"], ["3", "Chloe"]]


def test_an_open_quote_before_much_text_costs_one_row_too(tmp_path):
    path = write(tmp_path / "a.csv", "number,name", '1,"Anna', *(f"{n},{'x' * 90}" for n in range(2, 2000)))
    found = cells(path)
    assert (found[0].line, found[0].reason) == (2, "cell_too_long")
    assert [row[0] for row in found[1:]] == [str(n) for n in range(2, 2000)]


def test_a_row_that_swallowed_others_gives_them_back(tmp_path):
    path = write(tmp_path / "a.csv", "number,name", '1,"Anna', "2,Ben", '3,C",', "4,Dora")
    found = cells(path)
    assert [row.line for row in found if not isinstance(row, list)] == [2, 4]
    assert ["2", "Ben"] in found
    assert ["4", "Dora"] in found


def test_a_file_of_nothing_but_open_quotes_ends_in_one_sentence(tmp_path):
    path = write(tmp_path / "a.csv", "number,name", *['1,"x'] * 3001)
    with pytest.raises(WrongInput) as raised:
        cells(path)
    assert raised.value.code == "quotes_broken"


def test_a_cell_with_line_ends_is_one_cell_and_later_lines_count_right(tmp_path):
    path = write(tmp_path / "a.csv", "number,name", '1,"Anna', 'Maria"', "2", "3,Chloe")
    first, bad, last = cells(path)
    assert first == ["1", "Anna\nMaria"]
    assert (bad.line, bad.reason) == (4, "cell_count")
    assert last == ["3", "Chloe"]


def test_a_long_cell_costs_one_row(tmp_path):
    path = write(tmp_path / "a.csv", "number,name", f"1,{'x' * (LONGEST_CELL + 1)}", "2,Ben")
    bad, good = cells(path)
    assert (bad.line, bad.reason) == (2, "cell_too_long")
    assert good == ["2", "Ben"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_are_read(tmp_path, end):
    path = tmp_path / "a.csv"
    path.write_bytes(end.join(["number,name", "1,Anna", "", "2,Ben"]).encode())
    assert cells(path) == [["1", "Anna"], ["2", "Ben"]]


@settings(deadline=None)
@given(st.text(max_size=30))
def test_no_cell_of_an_error_file_is_a_formula(cell):
    written = harmless(cell)
    assert written in {cell, f"'{cell}"}
    assert not written.startswith(FORMULA_STARTS) or written.lstrip("+-").replace(",", "").replace(".", "").isdigit()


def test_what_was_made_harmless_is_read_back_as_it_was(tmp_path):
    path = write(tmp_path / "a.csv", "number,name", "1,'=HYPERLINK()", "2,O'Neill", "3,'s-Gravenhage")
    assert [row[1] for row in cells(path)] == ["=HYPERLINK()", "O'Neill", "'s-Gravenhage"]
