"""Validate a folder as a whole, then bring the installation to what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.apply.kinds import KINDS, Kind
from app.apply.mistakes import sentence
from app.apply.schema import DOCUMENTS, SECTIONS, Item
from app.apply.source import Place, Source, read_folder
from campaigns import void_if_changed
from campaigns.models import Campaign
from core.errors import CrusoeError, WrongInput
from core.sentences import say

MOST_LINES = 50
LONGEST_SHOWN = 80


@dataclass(frozen=True)
class Change:
    """What is different for one thing: created, or updated with a line for each value that changes."""

    kind: str
    code: str
    change: str
    diff: list[str]


@dataclass(frozen=True)
class Entry:
    """One thing that a file asks for, and where it stands."""

    kind: Kind
    item: Item | dict[str, Any]
    source: Source
    place: Place


def apply_folder(session: Session, *, folder: Path, actor: str) -> list[Change]:
    """Bring the installation to what the folder says and answer what that changed.

    The caller's transaction is the unit: every mistake in every file is collected, each with file and line, and one
    `WrongInput` tells them all, so that nothing is stored unless everything is right.
    """
    mistakes: list[str] = []
    entries = _entries(read_folder(folder), mistakes)
    changes: list[Change] = []
    if not mistakes:
        for kind in KINDS:
            for entry in (entry for entry in entries if entry.kind is kind):
                change = _apply(session, entry, actor=actor, mistakes=mistakes)
                changes += [change] if change else []
    if mistakes:
        raise WrongInput(
            "configuration",
            say("%(count)s mistakes in %(folder)s; nothing was changed.", count=len(mistakes), folder=folder)
            if len(mistakes) > 1
            else say("1 mistake in %(folder)s; nothing was changed.", folder=folder),
            details={"lines": mistakes[:MOST_LINES]},
        )
    if changes:
        _void_approvals(session, actor=actor)
    return changes


def _void_approvals(session: Session, *, actor: str) -> None:
    for campaign in session.scalars(select(Campaign).where(Campaign.submitted_by.is_not(None))):
        void_if_changed(session, campaign=campaign, actor=actor)


def _entries(sources: list[Source], mistakes: list[str]) -> list[Entry]:
    found: list[Entry] = []
    by_name = {kind.section: kind for kind in KINDS}
    for source in sources:
        for section, content in source.data.items():
            if section in DOCUMENTS and isinstance(content, Mapping):
                found.append(Entry(by_name[section], dict(content), source, (section,)))
            elif section in SECTIONS and isinstance(content, list):
                found += _items(section, content, source, by_name[section], mistakes)
            elif section in SECTIONS or section in DOCUMENTS:
                shape = "a list" if section in SECTIONS else "a mapping"
                mistakes.append(f"{source.where((section,))}: `{section}` must hold {shape}.")
            else:
                known = ", ".join([*SECTIONS, *DOCUMENTS])
                mistakes.append(f"{source.where((section,))}: unknown section {section!r}; there are {known}.")
    return found


def _items(section: str, content: list[Any], source: Source, kind: Kind, mistakes: list[str]) -> list[Entry]:
    found: list[Entry] = []
    for index, raw in enumerate(content):
        place: Place = (section, index)
        try:
            found.append(Entry(kind, SECTIONS[section].model_validate(raw), source, place))
        except ValidationError as error:
            mistakes += [
                f"{source.where((*place, *problem['loc']))}: {sentence(problem, SECTIONS[section])}"
                for problem in error.errors(include_url=False)
            ]
    return found


def _apply(session: Session, entry: Entry, *, actor: str, mistakes: list[str]) -> Change | None:
    try:
        with session.begin_nested():
            wanted = entry.kind.wanted(entry.item, entry.source.path.parent)
            before = entry.kind.current(session, wanted)
            if before == wanted:
                return None
            entry.kind.write(session, wanted, actor)
    except CrusoeError as error:
        mistakes.append(f"{_where(entry, error)}: {error.message} {error.remedy}".rstrip())
        return None
    code = str(wanted.get(entry.kind.key) or entry.kind.section)
    return Change(entry.kind.section, code, "updated" if before else "created", _diff(before or {}, wanted))


def _where(entry: Entry, error: CrusoeError) -> str:
    """The line of the part that the stage complained about, found by the path it named."""
    part, _, line = error.where.partition(", line ")
    if line:
        return _line_of_part(entry, part, int(line))
    parts = [part for part in error.where.replace("]", "").replace("[", ".").split(".") if part]
    inner: list[str | int] = [int(part) if part.isdigit() else part for part in parts]
    for prefix in (("definition",), ()):
        place = (*entry.place, *prefix, *inner)
        if place in entry.source.lines:
            return entry.source.where(place)
    return entry.source.where(entry.place)


def _line_of_part(entry: Entry, part: str, line: int) -> str:
    """A line of a longer text: in the file that holds it, or below its key in the YAML."""
    file = getattr(entry.item, f"{part}_file", None)
    if file:
        return f"{entry.source.path.parent / file}:{line}"
    place = (*entry.place, part)
    path, _, first = entry.source.where(place).rpartition(":")
    return f"{path}:{int(first) + (line if place in entry.source.blocks else 0)}"


def _diff(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    lines = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            lines.append(f"{name}: {_short(old)} -> {_short(new)}" if before else f"{name}: {_short(new)}")
    return lines


def _short(value: Any) -> str:
    shown = str(value)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN - 1]}…"
