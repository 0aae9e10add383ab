"""A condition on a field as one SQL expression about the contact of the surrounding query.

Values are always bound. A condition is TRUE exactly when it holds; FALSE or NULL otherwise, so whoever negates one asks
for `IS NOT TRUE`. The custom fields are compared as JSON, not as text: an index or statistics on `(fields -> 'age')`
serve it, and a stored value of another type is no match instead of an error.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, exists, func, literal, or_
from sqlalchemy.dialects.postgresql import JSONB

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


def _range(column: Any, test: Range, *, bound: Any = lambda value: value) -> Predicate:
    sides: list[Predicate] = []
    if test.low is not None:
        sides.append(column >= bound(test.low) if test.low_in else column > bound(test.low))
    if test.high is not None:
        sides.append(column <= bound(test.high) if test.high_in else column < bound(test.high))
    return and_(*sides)


def _custom(known: Known, test: Test) -> Predicate:
    value = Contact.fields.op("->", return_type=JSONB())(known.name)
    as_text = Contact.fields.op("->>", return_type=String())(known.name)
    match test:
        case OneOf((single,)):
            return value == _json(single)
        case OneOf():
            return value.in_([_json(item) for item in test.values])
        case Like():
            return and_(_like(as_text, test), func.jsonb_typeof(value) == "string")
        case Range():
            is_day = as_text.regexp_match(f"^{STORED_DAY}$")
            of_type = is_day if known.type is FieldType.DATE else func.jsonb_typeof(value) == "number"
            return and_(_range(value, test, bound=_json), of_type)
    return func.coalesce(as_text, "") == ""


def _json(value: Any) -> ColumnElement[Any]:
    return literal(value.isoformat() if isinstance(value, date) else value, JSONB())


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
