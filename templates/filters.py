"""What templates may do with a value. Everything in here answers in time and space proportional to its input."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Undefined

LARGEST_NUMBER = 10**15
LONGEST_VALUE = 10_000
MOST_PLACES = 6

Scalar = str | int | float | Decimal

# Control characters, line and paragraph separators, and the signs that turn the direction of text around.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def printable(value: Any) -> str:
    """What stands in the mail for a value: nothing for an absent one, never a control character or an object."""
    if isinstance(value, str):
        return _UNWANTED.sub("", value[:LONGEST_VALUE])
    if value is None or value is False or isinstance(value, Undefined):
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    return str(value) if isinstance(value, int | float | Decimal | date) else ""


def default(value: Any, instead: str = "") -> Any:
    """`instead` where the contact has no value, or an empty one.

    >>> default(None, "customer")
    'customer'
    """
    return instead if printable(value).strip() == "" else value


def upper(value: Any) -> str:
    """In capitals."""
    return printable(value).upper()


def lower(value: Any) -> str:
    """In small letters."""
    return printable(value).lower()


def capitalize(value: Any) -> str:
    """With a capital first letter; the rest stays as it is, as in McCarthy."""
    text = printable(value)
    return text[:1].upper() + text[1:]


def trim(value: Any) -> str:
    """Without white space at both ends."""
    return printable(value).strip()


def shorten(value: Any, length: int = 100) -> str:
    """At most `length` characters."""
    text = printable(value)
    return text if len(text) <= length else text[: max(int(length) - 1, 0)].rstrip() + "…"


def day(value: Any, form: str = "iso") -> str:
    """A date: `iso` 2026-11-21, `de` 21.11.2026, `en` 21 November 2026. What is no date stays as it is."""
    try:
        moment = value if isinstance(value, date) else date.fromisoformat(printable(value)[:10])
    except ValueError:
        return printable(value)
    shapes = {"de": f"{moment:%d.%m.%Y}", "en": f"{moment.day} {moment:%B %Y}"}
    return shapes.get(form, f"{moment:%Y-%m-%d}")


def number(value: Any, places: int = 0, form: str = "en") -> str:
    """A number with thousands separators: 1,234.50 in English, 1.234,50 in German."""
    try:
        amount = Decimal(printable(value))
    except InvalidOperation:
        return printable(value)
    if not amount.is_finite() or abs(amount) > LARGEST_NUMBER:
        return printable(value)
    text = f"{amount:,.{min(max(int(places), 0), MOST_PLACES)}f}"
    return text.translate(str.maketrans(",.", ".,")) if form == "de" else text


def rounded(value: Any, places: int = 0) -> Any:
    """Rounded to `places` digits."""
    return round(value, min(max(int(places), 0), MOST_PLACES)) if isinstance(value, int | float | Decimal) else value


def url_part(value: Any) -> str:
    """Percent-encoded, so that a value can be nothing but a piece of a path or a query (RFC 3986, section 2.1)."""
    return quote(printable(value), safe="")


def whole_url(value: Any) -> str:
    """An address that a field holds. Anything but a plain web address becomes `#`: the link leads nowhere."""
    text = printable(value).strip()
    return quote(text, safe=":/?#[]@!$&'()*+,;=%-._~") if is_web_address(text) else "#"


def is_web_address(text: str) -> bool:
    """Whether this is an absolute http or https address without white space, back slash, user name or odd host."""
    if not re.match(r"https?://[^/?#\s\\@]", text, re.IGNORECASE) or re.search(
        r"[\s\\\x00-\x20\x7f-\x9f<>\"^`{|}]", text
    ):
        return False
    try:
        parts = urlsplit(text)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return False
    host = parts.hostname or ""
    return port_is_fine and "@" not in parts.netloc and re.fullmatch(r"[\w.-]+|\[[0-9a-f:.]+\]", host) is not None


FILTERS: dict[str, Callable[..., Any]] = {
    "capitalize": capitalize,
    "date": day,
    "default": default,
    "lower": lower,
    "number": number,
    "round": rounded,
    "shorten": shorten,
    "trim": trim,
    "upper": upper,
}

# Put in by the compiler, never written by people.
INTERNAL: dict[str, Callable[..., Any]] = {"url_part": url_part, "whole_url": whole_url}


def is_empty(value: Any) -> bool:
    """Whether the contact has no value there."""
    return printable(value).strip() == ""


TESTS: dict[str, Callable[..., bool]] = {
    "defined": lambda value: not isinstance(value, Undefined) and value is not None,
    "empty": is_empty,
    "none": lambda value: value is None or isinstance(value, Undefined),
}


def number_only(operator: str, left: Any, right: Any) -> Any:
    """Guarded arithmetic: numbers of sane size only, so that `'A' * 10**9` and `'%1000000000d' % 1` are no way in."""
    if not (_is_sane(left) and _is_sane(right)) or (operator in {"/", "//", "%"} and right == 0):
        return ""
    return _OPERATORS[operator](left, right)


def _is_sane(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and -LARGEST_NUMBER <= value <= LARGEST_NUMBER


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "//": lambda left, right: left // right,
    "%": lambda left, right: left % right,
}
