"""The British list against addressed advertising by post (MPS), in its "Personal" layout.

Fixed width, or a CSV whose every field stands in quotation marks; the fields are the same, in the same order.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import IO

from core.sentences import say
from suppression.lists.adapter import Contents, EntryKind, ListSpec, Options, broken
from suppression.lists.postal import entry_digests, household, named_by_post
from suppression.lists.text import Line, blocks, entries, lines, peek, rows

# action, date, two blanks, prefix, forename, surname, suffix, three lines, town, county, postcode, delivery point
WIDTHS = (1, 8, 8, 8, 20, 50, 50, 10, 50, 50, 50, 50, 50, 8, 2)
PLACES = tuple(pairwise((0, *accumulate(WIDTHS))))
BLANK = (2, 3)
FORENAME, SURNAME, ADDRESS, POSTCODE = 5, 6, slice(8, 11), 13
# P: wants no advertising; X: has died. Neither is written to.
ACTIONS = frozenset("PX")
_DATE = re.compile(r"(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])(19|20)\d\d")
_CODE = re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}")
_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"(?:,"[^"]*(?:""[^"]*)*")*')
ENCODING = "iso-8859-1"


def open_file(path: Path, _options: Options) -> Contents:
    """Refuse what is in neither layout."""
    quoted = peek(path, encoding=ENCODING).text.startswith('"')
    read = _from_csv if quoted else _from_columns
    return Contents(
        blocks=blocks(entries(path, read), size=10_000), reading={"layout": "csv" if quoted else "fixed width"}
    )


def _from_csv(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    for number, row in rows(path, _all_quoted(path, lines(path, file, encoding=ENCODING)), columns=len(WIDTHS)):
        yield from _digests(path, number, row)


def _all_quoted(path: Path, found: Iterator[Line]) -> Iterator[Line]:
    for line in found:
        if not _QUOTED.fullmatch(line.text):
            raise broken(path, line.number, say("Not every field stands in quotation marks."))
        yield line


def _from_columns(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    for number, text in lines(path, file, encoding=ENCODING):
        if len(text) != sum(WIDTHS):
            raise broken(
                path, number, say("A record has %(found)s characters, not %(wanted)s.", found=len(text), wanted=415)
            )
        yield from _digests(path, number, [text[start:end] for start, end in PLACES])


def _digests(path: Path, number: int, row: Sequence[str]) -> Iterator[bytes]:
    fields = [field.strip() for field in row]
    right = fields[0] in ACTIONS and _DATE.fullmatch(fields[1]) and not any(fields[place] for place in BLANK)
    if not (right and _CODE.fullmatch(fields[POSTCODE].upper())):
        raise broken(path, number, say("Action, date or postcode do not stand where they belong."))
    found = household(
        surname=fields[SURNAME], forename=fields[FORENAME], lines=fields[ADDRESS], postcode=fields[POSTCODE]
    )
    if found is None:
        raise broken(path, number, say("A record has no surname or no address."))
    yield from entry_digests(found)


SPEC = ListSpec(
    id="uk.mps",
    operator="DMA",
    title="Mailing Preference Service",
    country="GB",
    channels=("post",),
    kinds=(EntryKind.POSTAL,),
    normaliser="folded surname, initial, street with number, postcode",
    match_rule="the same household and initial",
    max_age_days=31,
    legal_basis="DMA Code (self-regulation); Art. 21(2) UK GDPR",
    defeats=("legitimate_interest",),
    named=named_by_post,
    read=open_file,
)
