"""A condition as a sentence: what the explanation of a membership and the page of a segment show."""

from typing import Any

from core.sentences import Sentence, joined, say
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
from segments.facts import Comparison, ConsentState, Operator, Part

_GROUPS: dict[type[Part], Sentence] = {
    All: say("all of these hold"),
    AnyOf: say("at least one of these holds"),
    Not: say("this does not hold"),
}
STATES = {
    ConsentState.CONFIRMED: say("confirmed"),
    ConsentState.UNCONFIRMED: say("not confirmed"),
    ConsentState.WITHDRAWN: say("withdrawn"),
    ConsentState.NONE: say("never asked for"),
}

# What people call the fields that every contact has; in English the names themselves are plain enough.
FIELDS = {
    "number": say("number"),
    "email": say("email"),
    "first_name": say("first_name"),
    "last_name": say("last_name"),
    "language": say("language"),
    "country": say("country"),
    "kind": say("kind"),
    "company": say("company"),
    "source": say("source"),
    "created_at": say("created_at"),
    "updated_at": say("updated_at"),
}


def sentence(node: Part) -> Sentence:
    """What a node asks, in words."""
    if isinstance(node, All | AnyOf | Not):
        return _GROUPS[type(node)]
    return _happened(node)


def _happened(node: Part) -> Sentence:
    match node:
        case FieldCondition():
            return comparison(FIELDS.get(node.field, node.field), node)
        case InSegment():
            return say("is in the segment %(segment)s", segment=node.segment)
        case Consent(consent=facts):
            return _consent(facts)
        case Purchases():
            return _purchases(node)
        case Opened(opened=facts) | Clicked(clicked=facts):
            return _hits(node, facts)
        case Received(received=facts):
            return _received(facts)
    raise TypeError(f"{type(node).__name__} has no wording")


def comparison(what: str, asked: Comparison) -> Sentence:
    """Something compared with a value, in words."""
    values = {"what": what, "value": _shown(asked.value)}
    match asked.operator:
        case Operator.IS_EMPTY | Operator.IS_NOT_EMPTY:
            empty = (asked.operator is Operator.IS_EMPTY) is bool(asked.value)
            return say("%(what)s is empty", what=what) if empty else say("%(what)s is not empty", what=what)
        case Operator.BETWEEN if isinstance(asked.value, list) and len(asked.value) == 2:  # noqa: PLR2004 - low and high
            low, high = (_shown(item) for item in asked.value)
            return say("%(what)s is between %(low)s and %(high)s", what=what, low=low, high=high)
    return say(_COMPARED[asked.operator].words, **values)


def _compared() -> dict[Operator, Sentence]:
    said = {"what": "", "value": ""}
    return {
        Operator.IS: say("%(what)s is %(value)s", **said),
        Operator.IS_NOT: say("%(what)s is not %(value)s", **said),
        Operator.IN: say("%(what)s is one of %(value)s", **said),
        Operator.NOT_IN: say("%(what)s is none of %(value)s", **said),
        Operator.CONTAINS: say("%(what)s contains %(value)s", **said),
        Operator.STARTS_WITH: say("%(what)s starts with %(value)s", **said),
        Operator.ENDS_WITH: say("%(what)s ends with %(value)s", **said),
        Operator.GT: say("%(what)s is more than %(value)s", **said),
        Operator.GTE: say("%(what)s is at least %(value)s", **said),
        Operator.LT: say("%(what)s is less than %(value)s", **said),
        Operator.LTE: say("%(what)s is at most %(value)s", **said),
        Operator.BETWEEN: say("%(what)s is between %(value)s", **said),
        Operator.BEFORE: say("%(what)s is before %(value)s", **said),
        Operator.AFTER: say("%(what)s is after %(value)s", **said),
        Operator.WITHIN_LAST: say("%(what)s is within the last %(value)s days", **said),
    }


_COMPARED = _compared()


def _consent(facts: Any) -> Sentence:
    values = {"purpose": facts.purpose, "channel": facts.channel, "state": STATES[facts.state]}
    if facts.since:
        said = say("consent to %(purpose)s by %(channel)s is %(state)s since %(day)s", **values, day=facts.since)
    else:
        said = say("consent to %(purpose)s by %(channel)s is %(state)s", **values)
    unused = [
        *([say("unused for at least %(days)s days", days=facts.unused_at_least)] if facts.unused_at_least else []),
        *([say("unused for at most %(days)s days", days=facts.unused_at_most)] if facts.unused_at_most else []),
    ]
    return joined((said, *unused)) if unused else said


def _purchases(node: Purchases) -> Sentence:
    facts = node.purchases
    measures = (
        (say("their number"), facts.count),
        (say("their sum"), facts.sum),
        (say("the latest day"), facts.last),
    )
    asked = [comparison(name, test) for name, test in measures if test is not None] or [say("there is one")]
    narrowed = [
        say("purchases"),
        *([say("of %(category)s", category=_shown(facts.category))] if facts.category else []),
        *([say("in %(currency)s", currency=facts.currency)] if facts.currency else []),
        *([say("within %(days)s days", days=facts.within_days)] if facts.within_days else []),
    ]
    return joined((joined(narrowed, by=" "), joined(asked)), by=": ")


def _hits(node: Part, facts: Any) -> Sentence:
    link = getattr(facts, "link", None)
    narrowed = [
        _least(facts.at_least, opened=isinstance(node, Opened)),
        *([say("of run %(run)s", run=facts.run)] if facts.run is not None else []),
        *([say("on a link with %(text)s", text=repr(link))] if link else []),
        say("within %(days)s days", days=facts.within_days),
    ]
    said = joined(narrowed, by=" ")
    return said if facts.human_only else joined((said, say("machines included")))


def _least(count: int, *, opened: bool) -> Sentence:
    if count == 1:
        return say("opened at least 1 message") if opened else say("clicked in at least 1 message")
    if opened:
        return say("opened at least %(count)s messages", count=count)
    return say("clicked in at least %(count)s messages", count=count)


def _received(facts: Any) -> Sentence:
    values = {"count": facts.at_least, "days": facts.within_days}
    if facts.purpose:
        return say(
            "received at least %(count)s %(purpose)s messages within %(days)s days", **values, purpose=facts.purpose
        )
    return say("received at least %(count)s messages within %(days)s days", **values)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return joined(_shown(item) for item in value)
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    return str(value)
