"""The Danish list against advertising by post and calls, kept by the CPR office and published each quarter.

Fixed width in ISO 8859-1 with `#` between the columns. The first records tell the day of issue and the names of the
columns. A person may stand there twice, with a former address. It names people, not numbers: whoever is to be called
is looked up by the postal address that we have, and not found where we have none.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from core.sentences import say
from suppression.lists.adapter import Contents, EntryKind, ListSpec, Options, broken
from suppression.lists.postal import entry_digests, household, named_by_post
from suppression.lists.text import blocks, entries, lines, parts, peek

ENCODING = "iso-8859-1"
NAME, ADDRESS, POSTCODE = slice(0, 34), slice(35, 69), slice(105, 130)
FORMER, CODES = slice(131, 134), (slice(135, 139), slice(140, 144))
SEPARATORS = (34, 69, 104, 130, 134, 139, 144, 149)
# Day of issue, names of columns, and perhaps lines beneath them.
MOST_HEADERS = 5
_YEAR_FIRST = re.compile(r"\b(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])\b")
_DAY_FIRST = re.compile(r"\b(0[1-9]|[12]\d|3[01])[./-](0[1-9]|1[0-2])[./-](20\d\d)\b")


def open_file(path: Path, _options: Options) -> Contents:
    """Refuse what has not this layout."""
    peek(path, encoding=ENCODING)
    return Contents(blocks=blocks(entries(path, _digests), size=10_000), published_at=_issued(path))


def _issued(path: Path) -> datetime | None:
    for name, file in parts(path):
        for number, text in lines(name, file, encoding=ENCODING):
            if _is_record(text) or number > MOST_HEADERS:
                return None
            if found := _YEAR_FIRST.search(text):
                year, month, day = found.groups()
            elif found := _DAY_FIRST.search(text):
                day, month, year = found.groups()
            else:
                continue
            try:
                return datetime(int(year), int(month), int(day), tzinfo=UTC)
            except ValueError as error:
                raise broken(name, number, say("The day of issue is no date.")) from error
    return None


def _is_record(text: str) -> bool:
    return (
        len(text) > SEPARATORS[-1]
        and all(text[place] == "#" for place in SEPARATORS)
        and all(re.fullmatch(r"\d+", text[code].strip()) for code in CODES)
        and text[FORMER].strip() in {"", "*"}
    )


def _is_header(text: str) -> bool:
    """Whether a record is the day of issue or the names of columns, and not a damaged record of a person."""
    return "#" not in text or not re.search(r"\d", text)


def _digests(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    length = 0
    for number, text in lines(path, file, encoding=ENCODING):
        if not _is_record(text):
            if length or number > MOST_HEADERS or not _is_header(text):
                raise broken(path, number, say("The columns of a record do not stand where they belong."))
            continue
        if number == 1:
            raise broken(path, 1, say("The records with the day of issue and the names of the columns are missing."))
        length = length or len(text)
        if len(text) != length:
            raise broken(
                path, number, say("A record has %(found)s characters, not %(wanted)s.", found=len(text), wanted=length)
            )
        surname, comma, forename = text[NAME].strip().partition(",")
        found = household(surname=surname, forename=forename, lines=[text[ADDRESS]], postcode=text[POSTCODE].strip())
        if found is None or not comma:
            raise broken(path, number, say("A record has no surname or no address."))
        yield from entry_digests(found)


SPEC = ListSpec(
    id="dk.robinson",
    operator="CPR-kontoret",
    title="Robinsonlisten",
    country="DK",
    channels=("post", "phone"),
    kinds=(EntryKind.POSTAL,),
    normaliser="folded surname, initial, street with number, postcode",
    match_rule="the same household and initial",
    max_age_days=92,
    legal_basis="Markedsføringsloven § 10",
    defeats=("existing_customer", "legitimate_interest"),
    named=named_by_post,
    read=open_file,
)
