"""The fields that conditions may name, what each type can be asked, and conditions reduced to four plain tests."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any

from contacts.models import FieldType, Kind
from core.errors import WrongInput
from core.sentences import say
from segments.definition import FieldCondition, below
from segments.facts import Comparison, Operator
from segments.values import iso_date

_O = Operator

_NEGATIONS = {_O.IS_NOT: _O.IS, _O.NOT_IN: _O.IN, _O.IS_NOT_EMPTY: _O.IS_EMPTY}
_EQUAL = frozenset({_O.IS, _O.IS_NOT, _O.IN, _O.NOT_IN, _O.IS_EMPTY, _O.IS_NOT_EMPTY})
_LIKE = frozenset({_O.CONTAINS, _O.STARTS_WITH, _O.ENDS_WITH})
_ORDER = frozenset({_O.GT, _O.GTE, _O.LT, _O.LTE, _O.BETWEEN})
_CALENDAR = frozenset({_O.BEFORE, _O.AFTER, _O.WITHIN_LAST})

OPERATORS: Mapping[FieldType, frozenset[Operator]] = {
    FieldType.TEXT: _EQUAL | _LIKE,
    FieldType.CHOICE: _EQUAL,
    FieldType.BOOLEAN: frozenset({_O.IS, _O.IS_NOT, _O.IS_EMPTY, _O.IS_NOT_EMPTY}),
    FieldType.INTEGER: _EQUAL | _ORDER,
    FieldType.NUMBER: _EQUAL | _ORDER,
    FieldType.DATE: _EQUAL | _ORDER | _CALENDAR,
}

LONGEST_SPAN = 36_500
_QUOTED = say("text; what YAML reads as another thing, like NO or 10, needs quotes")
_WORDS = {
    FieldType.TEXT: _QUOTED,
    FieldType.CHOICE: _QUOTED,
    FieldType.BOOLEAN: say("true or false"),
    FieldType.INTEGER: say("a whole number"),
    FieldType.NUMBER: say("a number"),
    FieldType.DATE: say("a day like 2026-01-31"),
}


@dataclass(frozen=True)
class Known:
    """A field: its name in definitions, its type, whether the company added it, and its choices if it has such."""

    name: str
    type: FieldType
    custom: bool = False
    choices: frozenset[str] = frozenset()


STANDARD: Mapping[str, Known] = {
    field.name: field
    for field in (
        Known("number", FieldType.TEXT),
        Known("email", FieldType.TEXT),
        Known("first_name", FieldType.TEXT),
        Known("last_name", FieldType.TEXT),
        Known("language", FieldType.TEXT),
        Known("country", FieldType.TEXT),
        Known("kind", FieldType.CHOICE, choices=frozenset(Kind)),
        Known("company", FieldType.TEXT),
        Known("source", FieldType.TEXT),
        Known("created_at", FieldType.DATE),
        Known("updated_at", FieldType.DATE),
    )
}


# What is counted over several rows and compared like a field; it always has a value.
MEASURES: Mapping[str, Known] = {
    "count": Known("count", FieldType.INTEGER),
    "sum": Known("sum", FieldType.NUMBER),
    "last": Known("last", FieldType.DATE),
}


class Fields(dict[str, Known]):
    """All fields by name: the standard ones, and the company's own, which cannot hide a standard one."""

    def __init__(self, custom: Iterable[Known] = ()) -> None:
        super().__init__({field.name: field for field in custom} | dict(STANDARD))

    def find(self, name: str, *, where: str) -> Known:
        """The field of this name, or WrongInput with the nearest one that exists."""
        if name in self:
            return self[name]
        near = get_close_matches(name[:60], self, n=1)
        known = ", ".join(sorted(self))
        remedy = say("Did you mean %(name)s?", name=near[0]) if near else say("Known: %(known)s.", known=known)
        raise WrongInput(
            "field_unknown",
            say("There is no field %(name)s.", name=repr(name[:60])),
            remedy,
            where=below(where, "field"),
        )


@dataclass(frozen=True)
class OneOf:
    """The value is one of these."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Like:
    """The text starts with, ends with or contains another; capitals count."""

    operator: Operator
    text: str


@dataclass(frozen=True)
class Range:
    """The value lies between two bounds; None leaves a side open, `*_in` says whether the bound itself belongs."""

    low: Any = None
    high: Any = None
    low_in: bool = True
    high_in: bool = True


@dataclass(frozen=True)
class Missing:
    """There is no value."""


Test = OneOf | Like | Range | Missing


@dataclass(frozen=True)
class Typed:
    """A condition after the types were checked. `negated`: a contact fits when the test does not hold."""

    field: Known
    test: Test
    negated: bool


def measured(comparison: Comparison, *, known: Known, today: date, where: str) -> Test:
    """The test of something that was counted or summed."""
    allowed = (OPERATORS[known.type] & (_ORDER | _CALENDAR)) | {Operator.IS, Operator.IN}
    _require(comparison.operator, allowed, known, where=where)
    return compared(comparison, kind=known, operator=comparison.operator, today=today, where=where)


def typed(condition: FieldCondition, *, fields: Fields, today: date, where: str) -> Typed:
    """Check a condition against the field's type and reduce it to a test; WrongInput names the place."""
    field = fields.find(condition.field, where=where)
    _require(condition.operator, OPERATORS[field.type], field, where=where)
    operator = _NEGATIONS.get(condition.operator, condition.operator)
    negated = operator is not condition.operator
    if operator is Operator.IS_EMPTY:
        return Typed(field, Missing(), negated is bool(_flag(condition, where=where)))
    return Typed(field, compared(condition, kind=field, operator=operator, today=today, where=where), negated)


def compared(condition: Comparison, *, kind: Known, operator: Operator, today: date, where: str) -> Test:
    """The test that an operator and its value stand for, with the value in the type of the field."""
    place = below(where, condition.operator)
    if operator is Operator.WITHIN_LAST:
        return Range(today - timedelta(days=_span(condition.value, where=place)), today)
    values = [_value(item, kind, where=place) for item in _listed(condition, operator, where=place)]
    if operator in {Operator.IS, Operator.IN}:
        return OneOf(tuple(dict.fromkeys(values)))
    if operator in _LIKE:
        return Like(operator, _nonempty(values[0], where=place))
    if operator is Operator.BETWEEN:
        return _between(values, where=place)
    inclusive = operator in {Operator.GTE, Operator.LTE}
    if operator in {Operator.GT, Operator.GTE, Operator.AFTER}:
        return Range(low=values[0], low_in=inclusive)
    return Range(high=values[0], high_in=inclusive)


def _require(operator: Operator, allowed: frozenset[Operator], field: Known, *, where: str) -> None:
    if operator not in allowed:
        raise WrongInput(
            "operator_unknown",
            say(
                "%(name)s is a %(type)s field, which cannot be asked for %(operator)s.",
                name=field.name,
                type=field.type,
                operator=operator,
            ),
            say("It can be asked for: %(operators)s.", operators=", ".join(sorted(allowed))),
            where=below(where, operator),
        )


def _listed(condition: Comparison, operator: Operator, *, where: str) -> list[Any]:
    wants_list = operator in {Operator.IN, Operator.BETWEEN}
    if isinstance(condition.value, list) is not wants_list:
        shape = say("a list, like [a, b]") if wants_list else say("one value, not a list")
        raise WrongInput(
            "value_invalid", say("%(name)s takes %(kind)s.", name=condition.operator, kind=shape), where=where
        )
    return condition.value if isinstance(condition.value, list) else [condition.value]


def _value(value: Any, field: Known, *, where: str) -> Any:
    found: Any = None
    match field.type:
        case FieldType.TEXT | FieldType.CHOICE if isinstance(value, str):
            found = value
        case FieldType.BOOLEAN if isinstance(value, bool):
            found = value
        case FieldType.INTEGER if isinstance(value, int) and not isinstance(value, bool):
            found = value
        case FieldType.NUMBER if isinstance(value, int | float) and not isinstance(value, bool):
            found = value
        case FieldType.DATE if isinstance(value, str):
            found = _day(value, where=where)
    if found is None:
        raise WrongInput(
            "value_invalid", say("%(name)s takes %(kind)s.", name=field.name, kind=_WORDS[field.type]), where=where
        )
    if field.choices and found not in field.choices:
        known = ", ".join(sorted(field.choices))
        raise WrongInput(
            "value_invalid",
            say("%(name)s is never %(value)s.", name=field.name, value=repr(found[:60])),
            say("Known: %(known)s.", known=known),
            where=where,
        )
    return found


def _day(text: str, *, where: str) -> date:
    try:
        day = iso_date(text)
    except ValueError:
        day = None
    if not isinstance(day, date):
        raise WrongInput(
            "value_invalid", say("%(text)s is no day; write it like 2026-01-31.", text=repr(text[:60])), where=where
        )
    return day


def _between(values: list[Any], *, where: str) -> Range:
    if len(values) != 2:  # noqa: PLR2004 - a lower and an upper bound
        raise WrongInput("value_invalid", say("between takes two values, the lower one first."), where=where)
    if values[0] > values[1]:
        raise WrongInput(
            "value_invalid",
            say("%(first)s is more than %(second)s: nothing lies between.", first=values[0], second=values[1]),
            where=where,
        )
    return Range(values[0], values[1])


def _span(value: Any, *, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LONGEST_SPAN:
        raise WrongInput(
            "value_invalid",
            say("within_last takes days, from 1 to %(most)s.", most=LONGEST_SPAN),
            where=where,
        )
    return value


def _nonempty(text: str, *, where: str) -> str:
    if not text:
        raise WrongInput(
            "value_invalid", say("Every text contains the empty one; write what to look for."), where=where
        )
    return text


def _flag(condition: FieldCondition, *, where: str) -> bool:
    if not isinstance(condition.value, bool):
        place = below(where, condition.operator)
        raise WrongInput(
            "value_invalid",
            say("%(name)s takes %(kind)s.", name=condition.operator, kind=_WORDS[FieldType.BOOLEAN]),
            where=place,
        )
    return condition.value
