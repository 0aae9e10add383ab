"""The list of the United States against calls (National Do Not Call Registry, FTC).

A full list has `202,5551234` in each line, or is XML. A change list has more fields in a line: the number, a date or
several, and one letter, A for added or D for deleted; it is applied to the version in force.
"""

import re
from pathlib import Path

from core.sentences import say
from suppression.lists.adapter import Contents, EntryKind, ListSpec, Options, broken
from suppression.lists.american import AREA, LOCAL, from_csv, from_xml, is_xml, number_digest
from suppression.lists.phones import named_by_phone
from suppression.lists.text import blocks, entries, lines, parts, peek

_DATE = re.compile(r"[\d:/. TZ-]{6,}|")
# The changes of a day; more than this is a full list with other columns.
MOST_CHANGES = 3_000_000
FIELDS_OF_FULL = 2


def open_file(path: Path, _options: Options) -> Contents:
    """Refuse what is none of the three layouts."""
    first = peek(path, encoding="utf-8", whole=False).text
    if is_xml(first):
        return Contents(blocks=blocks(entries(path, from_xml)), reading={"layout": "xml"})
    if len(first.split(",")) <= FIELDS_OF_FULL:
        return Contents(blocks=blocks(entries(path, from_csv)), reading={"layout": "flat"})
    changes = _changes(path)
    return Contents(
        blocks=blocks(digest for digest, added in changes.items() if added),
        reading={"layout": "changes"},
        changes=True,
        dropped=[digest for digest, added in changes.items() if not added],
    )


def _changes(path: Path) -> dict[bytes, bool]:
    """What becomes of each number; the last line about it counts."""
    changes: dict[bytes, bool] = {}
    width: int | None = None
    for name, file in parts(path):
        for number, text in lines(name, file, encoding="ascii"):
            fields = [field.strip() for field in text.split(",")]
            width = width or len(fields)
            found = _change(fields) if len(fields) == width else None
            if found is None or len(changes) > MOST_CHANGES:
                raise broken(name, number, say("A line is no change: a number, a date and one of A and D."))
            changes[found[0]] = found[1]
    return changes


def _change(fields: list[str]) -> tuple[bytes, bool] | None:
    area, rest = fields[0], fields[2:]
    marks = [field.upper() for field in rest if field.upper() in {"A", "D"}]
    others = [field for field in rest if field.upper() not in {"A", "D"}]
    if not (AREA.fullmatch(area) and LOCAL.fullmatch(fields[1]) and len(marks) == 1):
        return None
    return (number_digest(area, fields[1]), marks[0] == "A") if all(map(_DATE.fullmatch, others)) else None


SPEC = ListSpec(
    id="us.ftc.dnc",
    operator="FTC",
    title="National Do Not Call Registry",
    country="US",
    channels=("phone",),
    kinds=(EntryKind.PHONE,),
    normaliser="E.164",
    match_rule="the number",
    max_age_days=31,
    legal_basis="Telemarketing Sales Rule, 16 CFR 310.4(b)(1)(iii)(B)",
    # A customer of the last 18 months may be called; consent in writing stands above the list.
    defeats=("legitimate_interest",),
    named=named_by_phone("US"),
    read=open_file,
    # Each version is the whole list, so that changes can be applied to it.
    keep_superseded=False,
)
