"""A journal as a whole: how far it goes, what is missing in it, and another copy of it taken into ours."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from core.errors import NotReachable
from core.sentences import say
from suppression import journal
from suppression.journal_lines import Beat, Decided, Gap, Launch, Lift, Line, Mended

CHUNK = 5_000
MOST_GAPS = 50


@dataclass(frozen=True)
class JournalReading:
    """`lines` that say something, `gaps` in their numbers as `from-to`, lines that nobody can read, and its end.

    `unwritten`: lines of which the journal itself says that they are missing, because they could not be written.
    """

    lines: int
    gaps: tuple[str, ...]
    unreadable: int
    until: str | None
    unwritten: int = 0


def read_journal(file: Path | None = None) -> JournalReading:
    """Go through a journal, ours or a copy. Lines from before they were numbered leave no gap."""
    lines, unreadable, last = 0, 0, 0
    gaps: list[str] = []
    unwritten: dict[str, int] = {}
    mended: set[str] = set()
    for one in journal.numbered(file):
        lines += isinstance(one.said, Line | Lift | Launch | Decided)
        unreadable += one.said is None
        if isinstance(one.said, Gap):
            unwritten[one.said.gap] = one.said.lines
        elif isinstance(one.said, Mended):
            mended.add(one.said.mended)
        missing = one.number - last - 1
        if one.number and missing > 0 and (last or not lines - 1) and len(gaps) < MOST_GAPS:
            gaps.append(f"{last + 1}-{one.number - 1}")
        last = one.number or last
    left = sum(many for gap, many in unwritten.items() if gap not in mended)
    return JournalReading(lines, tuple(gaps), unreadable, journal.end(file).at, left)


def merge_journal(file: Path) -> int:
    """Append to our journal what stands in a copy and not in ours; answers how many lines that were.

    Raises NotReachable when the disk does not take them: who objected in them would be lost with the next restore.
    Doing it again adds what is left.
    """
    if file.resolve() == journal.path().resolve():
        return 0
    ours = {_name(one.said) for one in journal.numbered() if one.said is not None}
    strange = (one.said for one in journal.numbered(file) if _is_worth(one) and _name(one.said) not in ours)
    merged = 0
    while chunk := [one for one in islice(strange, CHUNK) if one is not None]:
        if not journal.append(chunk):
            raise NotReachable(
                "journal_not_written",
                say("%(merged)s lines of the copy were taken over; the next could not be written.", merged=merged),
                say("Make room where the journal is, then read the copy back again."),
                where=str(journal.path()),
            )
        merged += len(chunk)
    return merged


def journal_launches() -> Iterator[str]:
    """The codes of the campaigns of which our journal says that they were launched."""
    return (one.launch for one in journal.launches())


def journal_decisions() -> Iterator[list[dict[str, Any]]]:
    """What our journal says that people decided, oldest first, in pieces: `key`, `at`, and all that they chose."""
    found = (one.said for one in journal.numbered() if isinstance(one.said, Decided))
    while chunk := list(islice(found, CHUNK)):
        yield [one.decided | {"key": one.key, "at": one.at} for one in chunk]


def _is_worth(one: journal.Numbered) -> bool:
    return one.said is not None and not isinstance(one.said, Beat)


def _name(said: object) -> tuple[str, ...]:
    """What makes a line another one: the lasting name of its entry, or all that it says where it has none."""
    match said:
        case Line(reference=str(reference)):
            return ("entry", reference)
        case Lift(lifts=lifts):
            return ("lift", lifts)
        case _:
            return ("line", repr(said))
