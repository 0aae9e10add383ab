"""Every text of the pages exists in German, and the compiled catalogue is the written one."""

import re
from io import BytesIO
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from app.web import STAGES, create_app

ROOT = Path(__file__).parent.parent.parent
CATALOGUE = ROOT / "app" / "translations" / "de" / "LC_MESSAGES"
PAGES = "pages/**.html"
OPTIONS = {PAGES: {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "lazy_gettext": None, "_l": None, "say": None}


def texts() -> set[str]:
    """The first form of every text in code and pages."""
    found = set()
    for stage in (*STAGES, "core"):
        for _file, _line, message, _comments, _context in extract_from_dir(
            ROOT / stage,
            method_map=[(PAGES, "jinja2"), ("**.py", "python")],
            options_map=OPTIONS,
            keywords=KEYWORDS,
        ):
            found.add(message[0] if isinstance(message, tuple) else message)
    return {one for one in found if one}


def written():
    with (CATALOGUE / "messages.po").open("rb") as file:
        return read_po(file, locale="de")


def test_every_text_is_translated():
    translated = {
        one.id[0] if isinstance(one.id, tuple) else one.id
        for one in written()
        if one.id and all(one.string if isinstance(one.string, tuple) else (one.string,)) and not one.fuzzy
    }
    assert texts() - translated == set()


def test_no_translation_is_left_over():
    keys = {one.id[0] if isinstance(one.id, tuple) else one.id for one in written() if one.id}
    assert keys - texts() == set()


def test_translations_keep_the_places_for_values():
    place = re.compile(r"%\(\w+\)s")
    for one in written():
        for key, text in zip(
            one.id if isinstance(one.id, tuple) else (one.id,),
            one.string if isinstance(one.string, tuple) else (one.string,),
            strict=True,
        ):
            if key:
                assert sorted(place.findall(key)) == sorted(place.findall(text)), key


def test_the_compiled_catalogue_is_the_written_one():
    buffer = BytesIO()
    write_mo(buffer, written())
    buffer.seek(0)
    with (CATALOGUE / "messages.mo").open("rb") as file:
        compiled = {str(one.id): one.string for one in read_mo(file) if one.id}
    assert compiled == {str(one.id): one.string for one in read_mo(buffer) if one.id}


def test_pages_come_in_german(home):
    answer = create_app().test_client().get("/sign-in", headers={"Accept-Language": "de-AT"})
    assert '<html lang="de"' in answer.text
    assert "Passwort" in answer.text
