"""What a line of the suppression journal can say."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Line:
    """One entry as the journal keeps it; `entry` is its id in the database that wrote it, `reference` its lasting name.

    `key` and `domain`: the keyed hashes of the address and of its domain; of a block of a whole domain there is only
    `domain`, of a company only its name. `below`, `until` and `kind`: as of a block. Old lines have fewer of these.
    """

    entry: int
    key: str | None
    cause: str
    channel: str | None
    purpose: str | None
    controller_id: int | None
    at: str
    source: str
    domain: str | None = None
    below: list[str] | None = None
    company: str | None = None
    until: str | None = None
    kind: str | None = None
    reference: str | None = None


@dataclass(frozen=True)
class Lift:
    """The entry with the reference `lifts` counts no longer. Why is left out: reasons name people."""

    lifts: str
    at: str
    asked_by: str
    agreed_by: str


@dataclass(frozen=True)
class Launch:
    """A campaign began to be sent. When its run is lost nobody knows who got it, so nobody may get it again."""

    launch: str
    at: str


@dataclass(frozen=True)
class Decided:
    """What the person behind an address decided besides objecting: topics, pauses, tracking, profiling."""

    decided: dict[str, Any]
    key: str
    at: str


@dataclass(frozen=True)
class Beat:
    """At this moment the journal was whole: nothing that had been said before is missing above."""

    beat: str


@dataclass(frozen=True)
class Gap:
    """So many lines belong here and could not be written, as on a full disk; the database keeps them meanwhile."""

    gap: str
    lines: int
    at: str


@dataclass(frozen=True)
class Mended:
    """The lines of this gap stand above."""

    mended: str
    at: str


Said = Line | Lift | Launch | Decided | Beat | Gap | Mended
# What tells them apart; a line that has none of these is about an entry.
_KINDS: dict[str, type[Said]] = {
    "lifts": Lift, "beat": Beat, "launch": Launch, "decided": Decided, "gap": Gap, "mended": Mended,
}  # fmt: skip


def understood(said: dict[str, Any]) -> Said | None:
    """What a line says, or None when nobody can tell."""
    values = {name: value for name, value in said.items() if name not in {"n", "w"}}
    kind: type[Said] = next((_KINDS[name] for name in _KINDS if name in said), Line)
    try:
        return kind(**values)
    except TypeError:
        return None


def moment(line: Line) -> datetime:
    """When the recipient objected."""
    return datetime.fromisoformat(line.at)
