"""A condition on a field as one SQL expression about the contact of the surrounding query.

Values are always bound. A condition is TRUE exactly when it holds; FALSE or NULL otherwise, so whoever negates one asks
for `IS NOT TRUE`. Custom fields are asked as JSON: PostgreSQL tries `@>` and `@@` on its sample of the column, so it
knows roughly how many will match, and a stored value of another type is no match instead of an error.
"""

from datetime import UTC, date, datetime, time, timedelta
from json import dumps
from typing import Any

from sqlalchemy import ColumnElement, String, and_, exists, func, literal, or_
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

from contacts.models import Channel, Company, Contact, Endpoint, FieldType
from segments.evaluation import STORED_DAY, folded
from segments.facts import Operator
from segments.fields import Known, Like, Missing, OneOf, Range, Test, Typed

# SQL that is TRUE exactly when the condition holds for `Contact` of the surrounding query.
Predicate = ColumnElement[bool]

_COLUMNS: dict[str, Any] = {
    "number": Contact.number,
    "first_name": Contact.first_name,
    "last_name": Contact.last_name,
    "language": Contact.language,
    "country": Contact.country,
    "kind": Contact.kind,
    "source": Contact.source,
    "created_at": Contact.created_at,
    "updated_at": Contact.updated_at,
}
_MOMENTS = {"created_at", "updated_at"}


def field(question: Typed) -> Predicate:
    """A condition on a field of the contact, without its negation."""
    name, test = question.field.name, question.test
    if question.field.custom:
        return _custom(question.field, test)
    if name == "email":
        return _email(test)
    if name == "company":
        named = exists().where(Company.id == Contact.company_id).correlate(Contact)
        return ~named if isinstance(test, Missing) else named.where(plain(Company.name, test))
    return moment(_COLUMNS[name], test) if name in _MOMENTS else plain(_COLUMNS[name], test)


def plain(column: Any, test: Test) -> Predicate:
    """A test of a column that has the type of the field."""
    found: Predicate
    match test:
        case OneOf((value,)):
            found = column == value
        case OneOf():
            found = column.in_(test.values)
        case Like():
            found = _like(column, test)
        case Range():
            found = _range(column, test)
        case Missing():
            found = or_(column.is_(None), column == "")
    return found


def _like(column: Any, test: Like) -> Predicate:
    """Escaped, so that `%`, `_` and the escape sign itself mean what they are."""
    verbs = {Operator.STARTS_WITH: column.startswith, Operator.ENDS_WITH: column.endswith}
    found: Predicate = verbs.get(test.operator, column.contains)(test.text, autoescape=True)
    return found


def _range(column: Any, test: Range) -> Predicate:
    sides: list[Predicate] = []
    if test.low is not None:
        sides.append(column >= test.low if test.low_in else column > test.low)
    if test.high is not None:
        sides.append(column <= test.high if test.high_in else column < test.high)
    return and_(*sides)


def _custom(known: Known, test: Test) -> Predicate:
    value = Contact.fields.op("->", return_type=JSONB())(known.name)
    as_text = Contact.fields.op("->>", return_type=String())(known.name)
    match test:
        case OneOf((single,)):
            return Contact.fields.contains(literal({known.name: _stored(single)}, JSONB()))
        case OneOf() if known.type in {FieldType.TEXT, FieldType.CHOICE}:
            # As text first: that is fast, and only who passes is asked whether it is one.
            return and_(as_text.in_(test.values), func.jsonb_typeof(value) == "string")
        case OneOf():
            return value.in_([literal(_stored(item), JSONB()) for item in test.values])
        case Like():
            return and_(_like(as_text, test), func.jsonb_typeof(value) == "string")
        case Range():
            inside = Contact.fields.op("@@", is_comparison=True)(literal(_path(known.name, test), JSONPATH()))
            is_day = as_text.regexp_match(f"^{STORED_DAY}$")
            return and_(inside, is_day) if known.type is FieldType.DATE else inside
    return func.coalesce(as_text, "") == ""


def _path(name: str, test: Range) -> str:
    """A range as JSON path: exact for numbers, and unknown instead of an error for a value of another type.

    `strict`, so that a list is not taken for its members. Name and bounds are written as JSON, which is all that a path
    takes from anybody, and the path is bound like every value.
    """
    field = f"$.{dumps(name)}"
    low = [f"{field} {'>=' if test.low_in else '>'} {dumps(_stored(test.low))}"] if test.low is not None else []
    high = [f"{field} {'<=' if test.high_in else '<'} {dumps(_stored(test.high))}"] if test.high is not None else []
    return "strict " + " && ".join(low + high)


def _stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _email(test: Test) -> Predicate:
    reached = exists().where(Endpoint.contact_id == Contact.id, Endpoint.channel == Channel.EMAIL).correlate(Contact)
    return ~reached if isinstance(test, Missing) else reached.where(plain(func.lower(Endpoint.value), folded(test)))


def moment(column: Any, test: Test) -> Predicate:
    """A test of days asked of a moment: whole days, in UTC."""
    match test:
        case OneOf():
            return or_(*(moment(column, Range(day, day)) for day in test.values))
        case Range():
            low = None if test.low is None else midnight(test.low, after=not test.low_in)
            high = None if test.high is None else midnight(test.high, after=test.high_in)
            return _range(column, Range(low, high, high_in=False))
    missing: Predicate = column.is_(None)
    return missing


def midnight(day: date, *, after: bool) -> datetime:
    """The start of a day in UTC, or of the day after it."""
    start = datetime.combine(day, time(), tzinfo=UTC)
    # The last day of the calendar has no day after it; nothing in the database is that late.
    return start + timedelta(days=1) if after and day < date.max else start
