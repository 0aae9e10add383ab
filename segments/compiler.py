"""From a definition to one parameterised SELECT of contact ids.

The tree of groups becomes the tree of AND and OR. Negation is pushed down to the conditions, because PostgreSQL plans
`NOT EXISTS` as an anti-join but not the negation of a whole group.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Select, and_, false, not_, or_, select, true

from contacts.models import Contact
from core.errors import WrongInput
from core.sentences import say
from segments import behaviour, conditions
from segments.conditions import Predicate
from segments.definition import (
    All,
    AnyOf,
    Clicked,
    Consent,
    Definition,
    FieldCondition,
    InSegment,
    Not,
    Opened,
    Purchases,
    Received,
    below,
)
from segments.facts import Operator, Part
from segments.fields import Fields, typed
from segments.reading import TooLarge
from suppression import restricted_contacts
from tracking.models import EventKind

_NARROW = {Operator.IS, Operator.IN}

# Segments that refer to segments multiply; this is the bound after everything is written out.
MOST_CONDITIONS = 1_000


@dataclass
class Budget:
    """How many more conditions one compilation may write out."""

    left: int = MOST_CONDITIONS


@dataclass(frozen=True)
class Scope:
    """What a definition is compiled against: the fields, the moment, and the segments that it may refer to."""

    fields: Fields
    now: datetime
    segments: Mapping[str, Definition] = field(default_factory=dict)
    inside: tuple[str, ...] = ()
    budget: Budget = field(default_factory=Budget)


def compile(  # noqa: A001 - the field's word; the builtin is not used here
    definition: Definition,
    fields: Fields,
    now: datetime,
    *,
    segments: Mapping[str, Definition] | None = None,
    code: str | None = None,
) -> Select[int]:
    """One SELECT of the ids of all contacts that fit, in the column `contact_id`, without those who are restricted.

    `segments` are those that the definition may refer to, `code` is its own. Raises WrongInput with the path of the
    first mistake: an unknown field or segment, an operator or value that the type does not take, a circle.
    """
    scope = Scope(fields=fields, now=now, segments=segments or {}, inside=(code,) if code else ())
    # As a set of its own: PostgreSQL looks for the best order of eight relations, and these would be three of them.
    usable = Contact.id.not_in(restricted_contacts())
    return select(Contact.id.label("contact_id")).where(predicate(definition.root, scope), usable)


def predicate(node: Part, scope: Scope, *, negated: bool = False, path: str = "") -> Predicate:
    """The SQL of one node about `Contact` of the surrounding query. TRUE exactly when it holds."""
    scope.budget.left -= 1
    if scope.budget.left < 0:
        raise TooLarge(
            "segment_too_large",
            say("With all segments that it refers to, it has more than %(most)s conditions.", most=MOST_CONDITIONS),
            where=path,
        )
    match node:
        case All() | AnyOf():
            return _group(node, scope, negated=negated, path=path)
        case Not():
            return predicate(node.member, scope, negated=not negated, path=below(path, "not"))
        case InSegment():
            inner, inside = _referred(node, scope, path=path)
            return predicate(inner.root, inside, negated=negated, path=path)
        case FieldCondition():
            question = typed(node, fields=scope.fields, today=scope.now.date(), where=path)
            found = conditions.field(question)
            return found.is_not(True) if question.negated is not negated else found
    found = _happened(node, scope, path=path)
    return not_(found) if negated else found


def _group(node: All | AnyOf, scope: Scope, *, negated: bool, path: str) -> Predicate:
    word = "all" if isinstance(node, All) else "any"
    parts = [
        predicate(member, scope, negated=negated, path=below(path, f"{word}[{position}]"))
        for position, member in enumerate(node.members)
    ]
    if isinstance(node, All) is negated:
        return or_(false(), *parts)
    # What costs the same is asked in the order in which it stands, and what leaves few is best asked first.
    narrow = [isinstance(member, FieldCondition) and member.operator in _NARROW for member in node.members]
    return and_(true(), *(parts[at] for at in sorted(range(len(parts)), key=lambda at: not narrow[at])))


def _happened(node: Part, scope: Scope, *, path: str) -> Predicate:
    match node:
        case Consent():
            return behaviour.consent(node.consent, now=scope.now)
        case Purchases():
            return behaviour.purchases(node.purchases, now=scope.now, where=below(path, "purchases"))
        case Opened():
            return behaviour.hits(EventKind.OPEN, node.opened, now=scope.now)
        case Clicked():
            return behaviour.hits(EventKind.CLICK, node.clicked, now=scope.now)
        case Received():
            return behaviour.received(node.received, now=scope.now)
    raise TypeError(f"{type(node).__name__} has no SQL")


def _referred(node: InSegment, scope: Scope, *, path: str) -> tuple[Definition, Scope]:
    place = below(path, "segment")
    if node.segment in scope.inside:
        circle = " → ".join([*scope.inside, node.segment])
        raise WrongInput(
            "segment_circle", say("Segments refer to each other in a circle: %(circle)s.", circle=circle), where=place
        )
    if node.segment not in scope.segments:
        raise WrongInput(
            "segment_unknown", say("There is no segment %(segment)s.", segment=repr(node.segment[:60])), where=place
        )
    return scope.segments[node.segment], replace(scope, inside=(*scope.inside, node.segment))
