"""A condition as a sentence: what the explanation of a membership and the page of a segment show."""

from typing import Any

from segments.definition import (
    All,
    AnyOf,
    Clicked,
    Consent,
    FieldCondition,
    InSegment,
    Not,
    Opened,
    Purchases,
    Received,
)
from segments.facts import Comparison, Operator, Part

_GROUPS: dict[type[Part], str] = {
    All: "all of these hold",
    AnyOf: "at least one of these holds",
    Not: "this does not hold",
}
_O = Operator
_WORDS = {
    _O.IS: "is",
    _O.IS_NOT: "is not",
    _O.IN: "is one of",
    _O.NOT_IN: "is none of",
    _O.CONTAINS: "contains",
    _O.STARTS_WITH: "starts with",
    _O.ENDS_WITH: "ends with",
    _O.GT: "is more than",
    _O.GTE: "is at least",
    _O.LT: "is less than",
    _O.LTE: "is at most",
    _O.BEFORE: "is before",
    _O.AFTER: "is after",
}


def sentence(node: Part) -> str:
    """What a node asks, in words."""
    if isinstance(node, All | AnyOf | Not):
        return _GROUPS[type(node)]
    return _happened(node)


def _happened(node: Part) -> str:
    match node:
        case FieldCondition():
            return f"{node.field} {comparison(node)}"
        case InSegment():
            return f"is in the segment {node.segment}"
        case Consent(consent=facts):
            since = f" since {facts.since}" if facts.since else ""
            return f"consent to {facts.purpose} by {facts.channel} is {facts.state}{since}"
        case Purchases():
            return _purchases(node)
        case Opened(opened=facts) | Clicked(clicked=facts):
            return _hits(node, facts)
        case Received(received=facts):
            what = f"{facts.purpose} messages" if facts.purpose else "messages"
            return f"received at least {facts.at_least} {what} within {facts.within_days} days"
    raise TypeError(f"{type(node).__name__} has no wording")


def comparison(asked: Comparison) -> str:
    """An operator and its value in words."""
    value: Any = asked.value
    match asked.operator:
        case Operator.IS_EMPTY | Operator.IS_NOT_EMPTY:
            return "is empty" if (asked.operator is Operator.IS_EMPTY) is bool(value) else "is not empty"
        case Operator.BETWEEN if isinstance(value, list):
            return "is between " + " and ".join(_shown(item) for item in value)
        case Operator.WITHIN_LAST:
            return f"is within the last {value} days"
    return f"{_WORDS.get(asked.operator, asked.operator)} {_shown(value)}"


def _purchases(node: Purchases) -> str:
    facts = node.purchases
    asked = {"their number": facts.count, "their sum": facts.sum, "the latest day": facts.last}
    said = [f"{name} {comparison(test)}" for name, test in asked.items() if test is not None] or ["there is one"]
    narrowed = [
        *([f"of {_shown(facts.category)}"] if facts.category else []),
        *([f"in {facts.currency}"] if facts.currency else []),
        *([f"within {facts.within_days} days"] if facts.within_days else []),
    ]
    return " ".join(["purchases", *narrowed]) + ": " + ", ".join(said)


def _hits(node: Part, facts: Any) -> str:
    verb = "opened" if isinstance(node, Opened) else "clicked in"
    link = getattr(facts, "link", None)
    return "".join(
        [
            f"{verb} at least {facts.at_least} message{'s' if facts.at_least > 1 else ''}",
            f" of run {facts.run}" if facts.run is not None else "",
            f" on a link with {link!r}" if link else "",
            f" within {facts.within_days} days",
            "" if facts.human_only else ", machines included",
        ]
    )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
