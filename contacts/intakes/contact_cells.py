"""How the cells of a contact are read: one parser per column, with a memory for what repeats."""

import json
import re
from collections.abc import Callable

from contacts.fields import CustomField
from contacts.importing.cells import day, number, text, yes_or_no
from contacts.importing.intake import Rejected
from contacts.importing.staging import escaped
from contacts.models import FieldType, Kind
from core.sentences import say

Parser = Callable[[str], str | None]

LONGEST_NAME = 200
LONGEST_TEXT = 4000
MOST_REMEMBERED = 20_000
LONGEST_REMEMBERED = 40

_COUNTRY = re.compile(r"[A-Z]{2}").fullmatch
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*").fullmatch
_INTEGER = re.compile(r"[-+]?\d{1,18}").fullmatch


def remembered(parse: Callable[[str], str | None]) -> Callable[[str], str]:
    """The same parser with a memory, and its answers as COPY text: countries, names, jobs come again and again."""
    memory: dict[str, str] = {}
    recall = memory.get

    def look(cell: str) -> str:
        known = recall(cell)
        if known is not None:
            return known
        found = escaped(parse(cell.strip()))
        if len(memory) < MOST_REMEMBERED and len(cell) <= LONGEST_REMEMBERED:
            memory[cell] = found
        return found

    return look


def _words(field: str) -> Parser:
    return lambda cell: text(cell, field=field, longest=LONGEST_NAME)


def _country(cell: str) -> str | None:
    code = cell.upper()
    if code and not _COUNTRY(code):
        raise Rejected(
            "country",
            "not_a_country",
            say("%(cell)s is no country code of two letters (ISO 3166).", cell=repr(cell[:40])),
        )
    return code or None


def _language(cell: str) -> str | None:
    tag = cell.lower().replace("_", "-")
    if tag and not _LANGUAGE(tag):
        raise Rejected(
            "language", "not_a_language", say("%(cell)s is no language code such as de or de-at.", cell=repr(cell[:40]))
        )
    return tag or None


def _kind(cell: str) -> str:
    word = cell.lower() or Kind.B2C
    if word not in set(Kind):
        raise Rejected("kind", "not_a_kind", say("%(cell)s is neither b2c nor b2b.", cell=repr(cell[:40])))
    return str(word)


# In the order in which they are staged.
COLUMNS: dict[str, Parser] = {
    "first_name": _words("first_name"),
    "last_name": _words("last_name"),
    "language": _language,
    "country": _country,
    "kind": _kind,
    "company": _words("company"),
    "source": _words("source"),
}


def json_member(field: CustomField) -> Callable[[str], str]:
    """A parser that answers `"name":value` as JSON. An empty cell is null, which clears the field."""
    name, parse = json.dumps(field.name), _value(field)

    return lambda cell: f"{name}:{parse(cell) if cell else 'null'}"


def _value(field: CustomField) -> Callable[[str], str]:
    match field.type:
        case FieldType.INTEGER:
            return lambda cell: _integer(cell, field.name)
        case FieldType.NUMBER:
            return lambda cell: format(number(cell, field=field.name), "f")
        case FieldType.BOOLEAN:
            return lambda cell: "true" if yes_or_no(cell, field=field.name) else "false"
        case FieldType.DATE:
            return lambda cell: json.dumps(day(cell, field=field.name).isoformat())
        case FieldType.CHOICE:
            return lambda cell: json.dumps(_chosen(cell, field), ensure_ascii=False)
        case FieldType.TEXT:
            return lambda cell: json.dumps(text(cell, field=field.name, longest=LONGEST_TEXT), ensure_ascii=False)


def _integer(cell: str, field: str) -> str:
    if not _INTEGER(cell):
        raise Rejected(field, "not_an_integer", say("%(cell)s is no whole number.", cell=repr(cell[:40])))
    return str(int(cell))


def _chosen(cell: str, field: CustomField) -> str:
    if cell not in field.choices:
        known = ", ".join(field.choices)[:300]
        raise Rejected(
            field.name, "not_a_choice", say("%(cell)s is none of %(known)s.", cell=repr(cell[:40]), known=known)
        )
    return cell
