"""The Belgian list against calls (DNCM): in each line a telephone number and the date of its registration."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from core.sentences import say
from suppression.lists.adapter import Contents, EntryKind, ListSpec, Options, broken
from suppression.lists.phones import named_by_phone, phone_digest
from suppression.lists.text import blocks, entries, lines, peek, without_blank_end

# The separator is not published, so each of the usual ones is read, but only one in a file.
_LINE = re.compile(r"(?P<number>\+?\d{8,13})(?P<sep>[;,\t|]| +)(?P<date>\S+)")
_DATES = (
    re.compile(r"(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(T.*)?"),
    re.compile(r"(0[1-9]|[12]\d|3[01])[/.-](0[1-9]|1[0-2])[/.-](19|20)\d\d"),
    re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"),
)
# Subscriber numbers have eight digits, of mobiles nine, behind the 0.
_NATIONAL = re.compile(r"[1-9]\d{7,8}")


def open_file(path: Path, _options: Options) -> Contents:
    """Refuse what is not a number and a date."""
    peek(path, encoding="ascii")
    return Contents(blocks=blocks(entries(path, _digests)))


def _digests(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    separator, written = "", None
    for number, text in without_blank_end(path, lines(path, file, encoding="ascii")):
        found = _LINE.fullmatch(text.rstrip())
        national = _national(found["number"]) if found else None
        date = next((form for form in _DATES if found and form.fullmatch(found["date"])), None)
        if found is None or national is None or date is None:
            raise broken(path, number, say("A line is not a telephone number and a date."))
        separator, written = separator or found["sep"][0], written or date
        if (separator, written) != (found["sep"][0], date):
            raise broken(path, number, say("The lines are not all written in the same way."))
        yield phone_digest(f"+32{national}")


def _national(digits: str) -> str | None:
    for prefix in ("+32", "0032", "32", "0"):
        rest = digits.removeprefix(prefix)
        if rest != digits and _NATIONAL.fullmatch(rest):
            return rest
    return None


SPEC = ListSpec(
    id="be.dncm",
    operator="DNCM asbl",
    title="Do Not Call Me",
    country="BE",
    channels=("phone",),
    kinds=(EntryKind.PHONE,),
    normaliser="E.164",
    match_rule="the number",
    max_age_days=5,
    legal_basis="Code de droit économique, art. VI.111-115",
    # Customers are meant, too, unless they agreed to be called.
    defeats=("existing_customer", "legitimate_interest"),
    named=named_by_phone("BE"),
    read=open_file,
)
