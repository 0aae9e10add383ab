"""The British lists against calls: TPS for people, CTPS for companies (PECR regulation 21). Numbers only.

A record has twelve characters and ends with CRLF. In one layout the dialling code stands left in five characters and
the rest right in seven; in the other the number stands without a blank inside, filled up at its end. A file has one.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from core.sentences import say
from suppression.lists.adapter import Contents, EntryKind, ListSpec, Options, broken
from suppression.lists.phones import named_by_phone, phone_digest
from suppression.lists.text import blocks, entries, lines, peek

WIDTH = 12
LAYOUTS = {
    "code and rest": re.compile(r"(?=.{12}$)(0\d{1,4}) {0,3}(?<=^.{5}) {0,6}(\d{1,7})$"),
    "in one": re.compile(r"(?=.{12}$)(0\d{8,10}) {1,3}$"),
}
SHORTEST, LONGEST = 10, 11


def open_file(path: Path, _options: Options) -> Contents:
    """Refuse what is in neither layout."""
    first = peek(path, encoding="ascii").text
    layout = next((name for name, form in LAYOUTS.items() if form.match(first)), None)
    if layout is None:
        raise broken(path, 1, say("A record is no telephone number in %(width)s characters.", width=WIDTH))
    return Contents(
        blocks=blocks(entries(path, lambda name, file: _digests(name, file, LAYOUTS[layout]))),
        reading={"layout": layout},
    )


def _digests(path: Path, file: IO[bytes], form: re.Pattern[str]) -> Iterator[bytes]:
    for number, text in lines(path, file, encoding="ascii"):
        found = form.match(text)
        digits = "".join(found.groups()) if found else ""
        if not SHORTEST <= len(digits) <= LONGEST:
            raise broken(path, number, say("A record is no telephone number in %(width)s characters.", width=WIDTH))
        yield phone_digest(f"+44{digits[1:]}")


def _spec(list_id: str, title: str, law: str) -> ListSpec:
    return ListSpec(
        id=list_id,
        operator="TPS",
        title=title,
        country="GB",
        channels=("phone",),
        kinds=(EntryKind.PHONE,),
        normaliser="E.164",
        match_rule="the number",
        max_age_days=28,
        legal_basis=law,
        defeats=("existing_customer", "legitimate_interest"),
        named=named_by_phone("GB"),
        read=open_file,
    )


TPS = _spec("uk.tps", "Telephone Preference Service", "PECR 2003, regulation 21")
CTPS = _spec("uk.ctps", "Corporate Telephone Preference Service", "PECR 2003, regulation 21")
