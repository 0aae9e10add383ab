"""What is different between what was approved and what is to be approved, line by line, for whoever decides. Pure."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# To which bound part each text and each value belongs; lists are named `list <id>`, and what is missing by its part.
PART_OF = {
    "subject": "content",
    "preheader": "content",
    "text": "content",
    "body": "content",
    "template": "content",
    "version": "content",
    "language": "content",
    "markup": "content",
    "segment": "audience",
    "segment_code": "audience",
    "imprint": "sender",
    "sender_code": "sender",
    "from": "sender",
    "reply_to": "sender",
    "controller": "sender",
}
# What of a bound part stands for what people read. A digest has changed with one of its texts, or is shown itself.
READ_AS = {
    ("content", "sha256"): {"subject", "preheader", "text", "body", "language", "markup"},
    ("content", "template"): {"template"},
    ("audience", "sha256"): {"segment"},
    ("audience", "segment"): {"segment_code"},
    ("sender", "imprint"): {"imprint"},
    ("sender", "code"): {"sender_code"},
}
# Unchanged lines around each changed one.
AROUND = 2
SAME, ADDED, REMOVED, LEFT_OUT = " ", "+", "-", "…"


@dataclass(frozen=True)
class Shown:
    """Everything that can be compared: texts by lines, values as a whole. None: it was not kept, or there is none."""

    texts: Mapping[str, str | None]
    values: Mapping[str, str | int | None]


@dataclass(frozen=True)
class Line:
    """One line of a text: the same in both, added, removed, or a place where lines that are the same are left out."""

    sign: str
    text: str


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same. Of a text the `lines`; of a value what it was and what it is."""

    part: str
    name: str
    lines: tuple[Line, ...] = ()
    before: str | int | None = None
    after: str | int | None = None


def compare(before: Shown, after: Shown) -> list[Difference]:
    """Every text and every value that is not the same."""
    return [*_texts(before.texts, after.texts), *_values(before.values, after.values)]


def everything(
    before: Shown, after: Shown, *, bound_before: Mapping[str, Any], bound_after: Mapping[str, Any]
) -> list[Difference]:
    """The same, and whatever bound has changed without that anybody could say how: nothing bound changes unseen."""
    found = compare(before, after)
    told = {(one.part, one.name) for one in found}
    return found + [
        Difference(part, f"{part} {leaf}".strip(), before=_plain(old), after=_plain(new))
        for part in sorted(bound_before.keys() | bound_after.keys())
        for leaf, old, new in _leaves(bound_before.get(part), bound_after.get(part))
        if not any((part, name) in told for name in _names(part, leaf))
    ]


def _leaves(before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Name, old and new of everything in a bound part that is not the same; a plain value has no name."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield name, before.get(name), after.get(name)
    elif before != after:
        yield "", before, after


def _names(part: str, leaf: str) -> set[str]:
    if part == "lists":
        return {f"list {leaf}"}
    return READ_AS.get((part, leaf), {leaf or part})


def part_of(name: str) -> str:
    """The bound part to which a text or a value belongs."""
    return "lists" if name.startswith("list ") else PART_OF.get(name, name)


def _texts(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> Iterator[Difference]:
    for name in [*after, *(name for name in before if name not in after)]:
        old, new = before.get(name), after.get(name)
        # What was not kept cannot be compared; that its part changed is said all the same.
        if old is not None and new is not None and old != new:
            yield Difference(part_of(name), name, lines=tuple(lines(old, new)))


def _values(before: Mapping[str, str | int | None], after: Mapping[str, str | int | None]) -> Iterator[Difference]:
    for name in [*after, *(name for name in before if name not in after)]:
        if before.get(name) != after.get(name):
            yield Difference(part_of(name), name, before=before.get(name), after=after.get(name))


def lines(before: str, after: str, *, around: int | None = AROUND) -> Iterator[Line]:
    """Two texts as one list of lines. Without `-` it reads as the later one, without `+` as the earlier one.

    Of long stretches that are the same only the ends are shown; with `around` None, all of them.
    """
    old, new = before.split("\n"), after.split("\n")
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for number, (kind, first, last, start, end) in enumerate(blocks):
        if kind == "equal":
            ends = (number == 0, number == len(blocks) - 1)
            yield from _same(old[first:last], around=around, first=ends[0], last=ends[1])
        else:
            yield from (Line(REMOVED, text) for text in old[first:last])
            yield from (Line(ADDED, text) for text in new[start:end])


def _same(texts: list[str], *, around: int | None, first: bool, last: bool) -> Iterator[Line]:
    head, tail = (0 if first else around or 0), (0 if last else around or 0)
    if around is None or len(texts) <= head + tail + 1:
        yield from (Line(SAME, text) for text in texts)
        return
    yield from (Line(SAME, text) for text in texts[:head])
    yield Line(LEFT_OUT, str(len(texts) - head - tail))
    yield from (Line(SAME, text) for text in texts[len(texts) - tail :])


def _plain(value: Any) -> str | int | None:
    return value if value is None or isinstance(value, str | int) else json.dumps(value, sort_keys=True)


@dataclass(frozen=True)
class Counted:
    """How many people a verdict or a reason concerns, then and now; None where it was not kept."""

    kind: str
    code: str
    before: int | None
    after: int | None


def numbers(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Counted]:
    """The audience by verdict and by reason, then and now; reasons that concern nobody in either are left out."""
    verdicts = [
        Counted("verdict", code, before.get(code), after.get(code))
        for code in ("send", "hold", "block")
        if code in before or code in after
    ]
    old, new = before.get("reasons", {}), after.get("reasons", {})
    names = sorted(old.keys() | new.keys(), key=lambda code: (-max(old.get(code, 0), new.get(code, 0)), code))
    return verdicts + [
        Counted("reason", code, old.get(code, 0) if before else None, new.get(code, 0) if after else None)
        for code in names
    ]
