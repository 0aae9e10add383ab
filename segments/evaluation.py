"""The same field conditions answered in Python, for one contact at a time: what scores and explanations use."""

from collections.abc import Mapping
from datetime import date, datetime
from re import fullmatch
from typing import Any

from contacts.models import FieldType
from core.errors import WrongInput
from core.sentences import say
from segments.definition import All, AnyOf, FieldCondition, Not, below, walk
from segments.facts import Operator, Part
from segments.fields import Fields, Known, Like, Missing, OneOf, Range, Test, typed

# How a day stands in a custom field; the database looks at nothing else, so Python must not either.
STORED_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"


def holds(node: Part, *, contact: Mapping[str, Any], fields: Fields, today: date) -> bool:
    """Whether a contact, given as its values by field name, fits a tree of groups and field conditions.

    `email` may hold several addresses in a tuple; one that fits is enough. Other conditions need the database.
    """
    match node:
        case All():
            return all(holds(member, contact=contact, fields=fields, today=today) for member in node.members)
        case AnyOf():
            return any(holds(member, contact=contact, fields=fields, today=today) for member in node.members)
        case Not():
            return not holds(node.member, contact=contact, fields=fields, today=today)
        case FieldCondition():
            question = typed(node, fields=fields, today=today, where="")
            return _answer(question.test, question.field, contact.get(question.field.name)) is not question.negated
    raise WrongInput("segment_not_local", say("%(name)s can only be asked of the database.", name=type(node).__name__))


def require_local(node: Part, *, fields: Fields, today: date, where: str) -> None:
    """Refuse what `holds` could not answer, and every mistake in fields and types, before it is relied on."""
    for path, _, part in walk(node):
        place = below(where, path) if path else where
        if isinstance(part, FieldCondition):
            typed(part, fields=fields, today=today, where=place)
        elif not isinstance(part, All | AnyOf | Not):
            raise WrongInput(
                "segment_not_local", say("Only conditions on contact fields can be used here."), where=place
            )


def fits(test: Test, value: Any) -> bool:
    """Whether a value that is there passes a test."""
    match test:
        case OneOf():
            return value in test.values
        case Like(Operator.STARTS_WITH):
            return bool(value.startswith(test.text))
        case Like(Operator.ENDS_WITH):
            return bool(value.endswith(test.text))
        case Like():
            return test.text in value
        case Range():
            above = test.low is None or (value >= test.low if test.low_in else value > test.low)
            return above and (test.high is None or (value <= test.high if test.high_in else value < test.high))
    return False


def _answer(test: Test, field: Known, value: Any) -> bool:
    if isinstance(value, tuple):
        return any(_answer(test, field, item) for item in value) if value else isinstance(test, Missing)
    if isinstance(test, Missing):
        return value is None or value == ""
    value = as_typed(value, field)
    return value is not None and fits(folded(test) if field.name == "email" else test, value)


def folded(test: Test) -> Test:
    """A test of an address: capitals do not count there, because mail servers do not count them either."""
    match test:
        case OneOf():
            return OneOf(tuple(value.lower() for value in test.values))
        case Like():
            return Like(test.operator, test.text.lower())
    return test


def as_typed(value: Any, field: Known) -> Any:
    """A stored value in the type of its field, or None when it is of another type and so can never fit."""
    match field.type:
        case FieldType.BOOLEAN:
            return value if isinstance(value, bool) else None
        case FieldType.INTEGER | FieldType.NUMBER:
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
        case FieldType.DATE:
            return _day(value)
    if isinstance(value, str):
        return value.lower() if field.name == "email" else value
    return None


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str):
        try:
            return date.fromisoformat(value) if fullmatch(STORED_DAY, value) else None
        except ValueError:
            return None
    return value if isinstance(value, date) else None
