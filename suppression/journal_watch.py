"""Whether the database still knows everything that the journal knows, looked at before anything starts and ever after.

A database that was brought back by other means than `crusoe restore`, such as a replica that missed the last second or
a base backup, says nothing of it. The journal does: it lies apart, and it holds objections that the database has not,
or signs of life that are younger than what the database remembers. Then a quarantine begins by itself.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import BigInteger, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import clock, quarantine
from core.db import Base, Moment
from suppression import journal, journal_gaps
from suppression.journal_lines import Beat, Lift, Line

log = structlog.get_logger()

# How often the journal says that it is being written.
BEAT = timedelta(minutes=5)
# A process may die between a sign of life and the note of it in the database, but not twice in a row.
MOST_AHEAD = 1
CHUNK = 5_000


class JournalPosition(Base):
    """Up to where every line of the journal is known to stand in the database. One row."""

    __tablename__ = "journal_position"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[Moment]


@dataclass(frozen=True)
class Ahead:
    """What the journal knows and the database does not: `missing` entries and lifts, and younger `beats`."""

    missing: int
    beats: int
    place: journal.Place

    @property
    def is_serious(self) -> bool:
        """Whether the database must be older than the journal."""
        return self.missing > 0 or self.beats > MOST_AHEAD


_MISSING = """
    SELECT count(*) FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS n (key text, reference uuid, lifts uuid)
    LEFT JOIN address AS a ON a.key = decode(n.key, 'hex')
    WHERE CASE
      WHEN n.lifts IS NOT NULL THEN EXISTS (SELECT 1 FROM suppression_entry AS e WHERE e.reference = n.lifts)
        AND NOT EXISTS (SELECT 1 FROM suppression_lift AS l JOIN suppression_entry AS e ON e.id = l.entry_id
                        WHERE e.reference = n.lifts)
      WHEN n.key IS NOT NULL THEN NOT EXISTS (
        SELECT 1 FROM suppression_entry AS e WHERE e.address_id = a.id AND e.reference = n.reference)
      ELSE NOT EXISTS (SELECT 1 FROM suppression_entry AS e WHERE e.reference = n.reference) END
"""


def ahead(session: Session, *, whole: bool = False) -> Ahead:
    """Compare the journal, from the known position on or as a `whole`, with the database."""
    position = session.get(JournalPosition, 1, populate_existing=True)
    standing = journal.end()
    start = 0 if whole or position is None or position.bytes > standing.bytes else position.bytes
    missing, beats, last = 0, 0, journal.Place(position.number if position else 0, start, standing.at)
    lines = journal.numbered(after=start)
    while chunk := list(islice(lines, CHUNK)):
        missing += _missing(session, chunk)
        beats += sum(isinstance(one.said, Beat) for one in chunk)
        last = journal.Place(chunk[-1].number, chunk[-1].end, standing.at)
    return Ahead(missing, beats, last)


def _missing(session: Session, chunk: Sequence[journal.Numbered]) -> int:
    lines = list(_comparable(chunk))
    return int(session.scalar(text(_MISSING), {"lines": json.dumps(lines)}) or 0) if lines else 0


def _comparable(chunk: Sequence[journal.Numbered]) -> Iterator[dict[str, Any]]:
    """What can be compared: lines from before entries had references cannot."""
    for one in chunk:
        if isinstance(one.said, Lift):
            yield {"lifts": one.said.lifts}
        elif isinstance(one.said, Line) and one.said.reference:
            yield {"key": one.said.key, "reference": one.said.reference}


def watch(session: Session) -> bool:
    """Compare, remember how far, and begin a quarantine when the database is behind. Answers whether it is sound."""
    found = ahead(session)
    if found.is_serious:
        if quarantine.standing(session) is None:
            begin_quarantine(session, found)
        return False
    _remember(session, found.place)
    return True


def trust(session: Session) -> None:
    """The journal was read back to its end: what the database lacks from here back it cannot know any more."""
    last = journal.Place()
    for one in journal.numbered():
        last = journal.Place(one.number, one.end)
    _remember(session, last)


def beat(session: Session) -> None:
    """Write a sign of life when it is time, unless the journal is not whole just now."""
    position = session.get(JournalPosition, 1, populate_existing=True)
    last = journal.end().at
    is_whole = quarantine.standing(session) is None and journal_gaps.missing(session) is None
    if is_whole and (position is None or last is None or clock.now() - clock.read(last) >= BEAT):
        journal.append([Beat(clock.now().isoformat())])
        watch(session)


def begin_quarantine(session: Session, found: Ahead) -> None:
    """The journal is ahead: nothing leaves until it was read back and somebody has looked."""
    log.critical("journal_ahead", missing=found.missing, beats=found.beats)
    # Nothing more was written to the journal than what stands in it: it goes up to the very end.
    details = {"missing": found.missing, "journal_at": found.place.at, "lost_at": found.place.at}
    quarantine.begin(session, cause=quarantine.JOURNAL_AHEAD, details=details)


def _remember(session: Session, place: journal.Place) -> None:
    values = {"number": place.number, "bytes": place.bytes, "at": clock.now()}
    statement = insert(JournalPosition).values(id=1, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
