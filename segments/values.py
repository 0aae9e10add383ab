"""The plain values that a definition may hold, and what is refused among them."""

from datetime import date, datetime
from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictStr

from core.sentences import say

# What a PostgreSQL bigint holds; JSON would take more, and then no comparison would be exact.
LARGEST = 2**63 - 1
LONGEST_TEXT = 1_000
LONGEST_LIST = 1_000


def _storable(value: str) -> str:
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError(say("It holds a character that no text can have (NUL or half a surrogate pair)."))
    return value


def _bounded(value: int) -> int:
    if not -LARGEST - 1 <= value <= LARGEST:
        raise ValueError(say("%(number)s is larger than 64 bits hold.", number=str(value)[:25]))
    return value


def _finite(value: float) -> float:
    if not isfinite(value):
        raise ValueError(say("It is no finite number."))
    return value


Bounded = AfterValidator(_bounded)
Text = Annotated[StrictStr, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_storable)]


def checked(value: Any) -> Any:
    """A value or a list of values to compare with; ValueError for what could not be compared exactly, or at all."""
    if not isinstance(value, list):
        return _single(value)
    if not 1 <= len(value) <= LONGEST_LIST:
        raise ValueError(say("A list has 1 to %(most)s values.", most=LONGEST_LIST))
    return [_single(item) for item in value]


def _single(value: Any) -> Any:
    match value:
        case bool():
            return value
        case int():
            return _bounded(value)
        case float():
            return _finite(value)
        case str() if len(value) <= LONGEST_TEXT:
            return _storable(value)
        case str():
            raise ValueError(say("A text has at most %(most)s characters.", most=LONGEST_TEXT))
        case datetime():
            raise ValueError(say("Write a day, like 2026-01-31, without a time."))
        case date():
            # YAML reads 2026-01-31 as a date; a definition holds what JSON has.
            return value.isoformat()
    raise ValueError(say("A value is a text, a number, true or false, a day, or a list of these."))


def iso_date(value: Any) -> Any:
    """A day from YAML or from ISO text; anything else is left to be refused."""
    if isinstance(value, datetime):
        raise ValueError(say("Write a day, like 2026-01-31, without a time."))  # noqa: TRY004 - pydantic reports ValueError
    if isinstance(value, str):
        try:
            return date.fromisoformat(value) if len(value) == len("2026-01-31") else value
        except ValueError as error:
            raise ValueError(say("%(text)s is no day; write it like 2026-01-31.", text=repr(value))) from error
    return value
