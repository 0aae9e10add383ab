"""What leaves the house on paper: PDF/A files with every name in them, made of text and of nothing else."""

import json
import re
from datetime import UTC, datetime
from html import escape, unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from app.cli import main
from app.evidence import paper
from app.evidence.paper import on_paper
from app.evidence.printable import printable, ranges
from app.evidence.printed import LANGUAGES, printed
from app.rights import processing_record
from core.db import transaction
from tests import world

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def page(inside: str, *, language: str = "en") -> bytes:
    head = f'<html lang="{language}"><head><title>Evidence</title></head>'
    return f"<!doctype html>{head}<body><main>{inside}</main></body></html>".encode()


def words(node) -> str:
    return node if isinstance(node, str) else "".join(map(words, node["inside"]))


def test_the_same_page_makes_the_same_archival_file():
    made = on_paper(page("<h1>Ada</h1>"), at=MOMENT)
    assert made == on_paper(page("<h1>Ada</h1>"), at=MOMENT)
    assert made.startswith(b"%PDF-1.7")
    assert b"<pdfaid:part>2</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in made
    assert made != on_paper(page("<h1>Bob</h1>"), at=MOMENT)


def test_names_in_the_scripts_of_europe_stand_as_they_are_and_others_by_number():
    name = "Łukasz Žižek, Ἀχιλλεύς Παπαδόπουλος, Дмитро Їжак, Ðórr Þór, Ğül Işık, Nguyễn"
    assert printable(name) == name
    assert printable("李 😀 a\u0301 \u202e\x00") == "[U+674E] [U+1F600] á [U+202E][U+0000]"
    (heading,) = paper._tree(page(f"<h1>{name} 李</h1>"))["inside"]
    assert words(heading) == f"{name} [U+674E]"
    assert on_paper(page(f"<h1>{name} 李 😀</h1>"), at=MOMENT)


@pytest.mark.parametrize("tag", ["p", "h1", "code", "strong"])
def test_every_character_that_is_said_to_print_does(tag):
    """PDF/A refuses a file with a hole in it, so a font that lost a character would fail here."""
    every = " ".join(chr(one) for low, high in ranges() for one in range(low, high + 1))
    assert on_paper(page(f"<{tag}>{escape(every)}</{tag}>"), at=MOMENT)


@examples(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=6))
def test_whatever_somebody_typed_prints(texts):
    inside = "".join(
        f"<dl><dt>x</dt><dd>{escape(one)}</dd></dl><blockquote>{escape(one)}</blockquote>" for one in texts
    )
    assert on_paper(page(inside), at=MOMENT)


def test_text_is_never_taken_for_instructions():
    """The longest of these would stop the typesetter or print what lies on the disk, if they were read as markup."""
    attack = '#panic("no") #read("/etc/passwd") #import "@preview/x:1.0.0" $x$ = A *b* <c> @d \\ `e` // f'
    (line,) = paper._tree(page(f"<p>{escape(attack)}</p>"))["inside"]
    assert words(line) == attack
    assert on_paper(page(f"<p>{escape(attack)}</p>"), at=MOMENT)


def test_the_template_takes_nothing_from_anywhere():
    source = Path(paper.TEMPLATE).read_text()
    assert re.findall(r"#?\b(?:import|include|read|plugin|image|csv|yaml|toml|xml|eval)\b\s*[(\"]", source) == []
    assert re.findall(r"\bjson\(([^)]*\))", source) == ["bytes(sys.inputs.data)"]
    assert "@preview" not in source


def test_what_is_for_the_screen_only_stays_away_from_paper():
    tree = paper._tree(
        page('<p class="screen"><a href="index.de.html">Deutsch<br>!</a></p><p>Words</p>', language="de")
    )
    assert (tree["language"], tree["title"], [words(one) for one in tree["inside"]]) == ("de", "Evidence", ["Words"])


def test_the_paper_says_what_the_page_says(database, broker, tmp_path, capsys):
    """Word for word, in both languages, of pages with nearly everything on them."""
    world.make()
    main(["person", "export", "ada@mail.example", "--as", "compliance@crew.example", "--out", str(tmp_path), "--json"])
    assert len([name for name in json.loads(capsys.readouterr().out)["files"] if name.endswith(".pdf")]) == 2
    with transaction() as session:
        record = processing_record.record(session)
    # One process printed both, and the names of facts change with the rest.
    assert "First name" in (tmp_path / "person.en.html").read_text()
    assert "Vorname" in (tmp_path / "person.de.html").read_text()
    pages = [(locale, (tmp_path / f"person.{locale}.html").read_bytes()) for locale in LANGUAGES]
    pages += [(locale, printed("processing_record", locale=locale, found=record)) for locale in LANGUAGES]
    for locale, html in pages:
        body = html.decode().partition("<main>")[2].partition("</main>")[0]
        shown = unescape(re.sub(r"<[^>]+>", "", body))
        tree = paper._tree(html)
        assert "".join(words(tree).split()) == "".join(printable(shown).split())
        assert tree["language"] == locale
        assert on_paper(html, at=MOMENT).startswith(b"%PDF-")
    assert all((tmp_path / f"person.{locale}.pdf").read_bytes().startswith(b"%PDF-") for locale in LANGUAGES)
