"""A definition as the builder page shows it: a tree whose parts have places, read from a form and written back.

A place is a path of numbers such as `0.2.1`; each part has fields named `<place>.<what>`. The page sends the whole form
with every press of a button, so the tree lives in the page and nowhere else until it is saved.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contacts.models import FieldType
from segments.definition import kind_of
from segments.fields import Known
from segments.reading import DEEPEST

GROUPS = ("all", "any", "not")
LEAVES = ("field", "consent", "purchases", "opened", "clicked", "received", "segment")
MOST_PARTS = 60

# The fields of each kind of condition, in the order in which the page shows them.
ASKED: Mapping[str, tuple[str, ...]] = {
    "field": ("field", "operator", "value"),
    "consent": ("purpose", "state", "unused_at_least", "unused_at_most"),
    "purchases": ("measure", "operator", "value", "within_days", "category"),
    "opened": ("within_days", "at_least"),
    "clicked": ("within_days", "at_least", "link"),
    "received": ("within_days", "at_least"),
    "segment": ("segment",),
}
_FRESH: Mapping[str, dict[str, str]] = {
    "field": {"field": "country", "operator": "is", "value": ""},
    "consent": {"purpose": "newsletter", "state": "confirmed", "unused_at_least": "", "unused_at_most": ""},
    "purchases": {"measure": "count", "operator": "gte", "value": "1", "within_days": "365"},
    "opened": {"within_days": "90", "at_least": "1"},
    "clicked": {"within_days": "90", "at_least": "1"},
    "received": {"within_days": "30", "at_least": "1"},
    "segment": {"segment": ""},
}
_NUMBERS = frozenset({"within_days", "at_least", "unused_at_least", "unused_at_most"})


@dataclass(frozen=True)
class Part:
    """A group (`kind` all, any, not) with its members, or a condition with the texts of its fields."""

    kind: str
    values: Mapping[str, str] = field(default_factory=dict)
    members: tuple["Part", ...] = ()

    @property
    def is_group(self) -> bool:
        """Whether it holds others."""
        return self.kind in GROUPS


def from_form(form: Mapping[str, str], place: str = "0", *, left: int = MOST_PARTS) -> Part:
    """The tree that a form describes; unknown kinds become an empty condition, which the check then names."""
    kind = form.get(f"{place}.kind", "all")
    if kind not in GROUPS:
        kind = kind if kind in LEAVES else "field"
        return Part(kind, {name: form.get(f"{place}.{name}", "").strip() for name in ASKED[kind]})
    members = []
    depth = place.count(".") + 1
    for number in range(left):
        below = f"{place}.{number}"
        if f"{below}.kind" not in form or depth >= DEEPEST:
            break
        members.append(from_form(form, below, left=left))
    return Part(kind, members=tuple(members))


def pressed(root: Part, action: str) -> Part:
    """The tree after a button: `add:<place>:<kind>` puts something into a group, `remove:<place>` takes a part out."""
    verb, _, rest = action.partition(":")
    place, _, kind = rest.partition(":")
    steps = [int(step) for step in place.split(".")[1:] if step.isdigit()]
    if verb == "add" and kind in (*GROUPS, *LEAVES):
        return _changed(root, steps, lambda part: replace(part, members=(*part.members, _fresh(kind))))
    if verb == "remove" and steps:
        last = steps.pop()
        return _changed(root, steps, lambda part: _without(part, last))
    return root


def _fresh(kind: str) -> Part:
    return Part(kind, members=(_fresh("field"),)) if kind in GROUPS else Part(kind, _FRESH[kind])


def _without(part: Part, number: int) -> Part:
    return replace(part, members=part.members[:number] + part.members[number + 1 :])


def _changed(part: Part, steps: list[int], change: Callable[[Part], Part]) -> Part:
    if not steps:
        return change(part)
    first, rest = steps[0], steps[1:]
    if first >= len(part.members):
        return part
    members = [_changed(one, rest, change) if at == first else one for at, one in enumerate(part.members)]
    return replace(part, members=tuple(members))


def to_data(part: Part, fields: Mapping[str, Known]) -> dict[str, Any]:
    """The written form of a tree. Texts become values by the type of their field; what does not fit stays text."""
    values = part.values
    match part.kind:
        case "not":
            inside = [to_data(one, fields) for one in part.members]
            return {"not": inside[0] if len(inside) == 1 else {"any": inside}}
        case "all" | "any":
            return {part.kind: [to_data(one, fields) for one in part.members]}
        case "field":
            known = fields.get(values["field"])
            kind = known.type if known else FieldType.TEXT
            return {"field": values["field"], values["operator"]: typed(values["value"], kind, values["operator"])}
        case "segment":
            return {"segment": values["segment"]}
        case "purchases":
            return {"purchases": _purchases(values)}
    return {part.kind: {name: _number(name, value) for name, value in values.items() if value}}


def _purchases(values: Mapping[str, str]) -> dict[str, Any]:
    kinds = {"count": FieldType.INTEGER, "sum": FieldType.NUMBER, "last": FieldType.DATE}
    kind = kinds.get(values["measure"], FieldType.TEXT)
    asked: dict[str, Any] = {values["measure"]: {values["operator"]: typed(values["value"], kind, values["operator"])}}
    rest = {name: _number(name, values[name]) for name in ("within_days", "category") if values.get(name)}
    return asked | rest


def _number(name: str, value: str) -> Any:
    return int(value) if name in _NUMBERS and value.isdigit() else value


def typed(text: str, kind: FieldType, operator: str) -> Any:
    """What somebody typed as the value that a comparison needs."""
    if operator in {"is_empty", "is_not_empty"}:
        return True
    if operator in {"in", "not_in", "between"}:
        return [_typed(one.strip(), kind) for one in text.split(",") if one.strip()]
    return _typed(text, FieldType.INTEGER if operator == "within_last" else kind)


def _typed(text: str, kind: FieldType) -> Any:
    try:
        match kind:
            case FieldType.INTEGER:
                return int(text)
            case FieldType.NUMBER:
                return float(text.replace(",", ".")) if not text.lstrip("-").isdigit() else int(text)
            case FieldType.BOOLEAN:
                return {"true": True, "yes": True, "ja": True, "false": False, "no": False, "nein": False}[text.lower()]
    except (ValueError, KeyError):
        return text
    return text


def from_data(data: Mapping[str, Any]) -> Part | None:
    """The tree of a written definition, or None when it says something for which the builder has no field."""
    kind = kind_of(data)
    if kind is None:
        return None
    if kind not in GROUPS:
        return _condition(kind, data)
    found = [from_data(one) for one in ([data["not"]] if kind == "not" else data[kind])]
    members = tuple(one for one in found if one is not None)
    return Part(kind, members=members) if len(members) == len(found) else None


def _condition(kind: str, data: Mapping[str, Any]) -> Part | None:
    if kind == "segment":
        return Part(kind, {"segment": data["segment"]})
    facts = dict(data) if kind == "field" else dict(data[kind])
    if kind in {"field", "purchases"}:
        measures = [name for name in ("count", "sum", "last") if name in facts]
        if kind == "purchases" and len(measures) != 1:
            return None
        asked = {n: v for n, v in facts.items() if n != "field"} if kind == "field" else facts.pop(measures[0])
        operator, value = next(iter(asked.items()))
        facts = ({"field": facts["field"]} if kind == "field" else facts | {"measure": measures[0]}) | {
            "operator": operator,
            "value": _shown(value),
        }
    if set(facts) - set(ASKED[kind]):
        return None
    return Part(kind, {name: _shown(facts.get(name, "")) for name in ASKED[kind]})


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value)
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
