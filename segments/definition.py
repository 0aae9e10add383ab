"""What a segment is, as data: a tree of groups and conditions, checked strictly before anything else looks at it.

The written form is meant to be read aloud::

    all:
      - {field: age, gte: 30}
      - {field: job, not_in: [student, unknown]}
      - not: {clicked: {within_days: 90}}

Nothing here knows the database: whether a field exists and what type it has is asked in `fields.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_serializer

from segments.facts import ClickFacts, Comparison, ConsentFacts, HitFacts, Part, PurchaseFacts, ReceivedFacts
from segments.values import Text


class FieldCondition(Comparison):
    """A field of the contact compared with a value. A missing value fits `is_not`, `not_in` and `is_empty` only."""

    field: Text

    @model_serializer
    def _as_words(self) -> dict[str, Any]:
        return {"field": self.field, self.operator.value: self.value}


class All(Part):
    """Every member must hold. Without a member nothing must hold, so `all: []` means everybody."""

    members: Annotated[list["Node"], Field(alias="all")]


class AnyOf(Part):
    """One member must hold."""

    members: Annotated[list["Node"], Field(alias="any", min_length=1)]


class Not(Part):
    """The member must not hold."""

    member: Annotated["Node", Field(alias="not")]


class Consent(Part):
    """A consent in a given state."""

    consent: ConsentFacts


class Purchases(Part):
    """Something about what was bought."""

    purchases: PurchaseFacts


class Opened(Part):
    """A message was opened."""

    opened: HitFacts


class Clicked(Part):
    """A link was clicked."""

    clicked: ClickFacts


class Received(Part):
    """A message was received."""

    received: ReceivedFacts


class InSegment(Part):
    """Membership of another segment, by its code."""

    segment: Text


KINDS: dict[str, type[Part]] = {
    "all": All,
    "any": AnyOf,
    "not": Not,
    "field": FieldCondition,
    "consent": Consent,
    "purchases": Purchases,
    "opened": Opened,
    "clicked": Clicked,
    "received": Received,
    "segment": InSegment,
}
_WORDS = {kind: word for word, kind in KINDS.items()}


def kind_of(data: Any) -> str | None:
    """The one word that says what a node is, written or read; None when there is none or more than one."""
    if isinstance(data, dict):
        found = [word for word in KINDS if word in data]
        return found[0] if len(found) == 1 else None
    return _WORDS.get(type(data))


Node = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[FieldCondition, Tag("field")]
    | Annotated[Consent, Tag("consent")]
    | Annotated[Purchases, Tag("purchases")]
    | Annotated[Opened, Tag("opened")]
    | Annotated[Clicked, Tag("clicked")]
    | Annotated[Received, Tag("received")]
    | Annotated[InSegment, Tag("segment")],
    Discriminator(kind_of),
]


@dataclass(frozen=True)
class Definition:
    """A checked definition. Two that say the same in the same order have the same digest."""

    root: Part

    @property
    def data(self) -> dict[str, Any]:
        """The written form, ready for YAML or JSON."""
        return self.root.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the written form."""
        return sha256(dumps(self.data, ensure_ascii=False, separators=(",", ":")).encode()).digest()

    def nodes(self) -> Iterator[tuple[str, int, Part]]:
        """Every node with its path and depth, in reading order."""
        yield from walk(self.root)


def walk(node: Part, path: str = "", depth: int = 0) -> Iterator[tuple[str, int, Part]]:
    """A node and everything below it, each with its path as errors name it."""
    yield path, depth, node
    if isinstance(node, All | AnyOf):
        word = "all" if isinstance(node, All) else "any"
        for position, member in enumerate(node.members):
            yield from walk(member, below(path, f"{word}[{position}]"), depth + 1)
    elif isinstance(node, Not):
        yield from walk(node.member, below(path, "not"), depth + 1)


def below(path: str, step: str) -> str:
    """The path one step further down."""
    return f"{path}.{step}" if path else step


for _group in (All, AnyOf, Not):
    _group.model_rebuild()
