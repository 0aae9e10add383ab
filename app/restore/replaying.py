"""Reading the journal back: what people objected to after the backup, who was erased, and what was launched."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.rights.erasure import erase_person
from app.rights.subject import DataSubject, by_number
from campaigns import end_launched
from contacts import restore_choices
from core import audit, clock, quarantine
from core.errors import NotAllowed, WrongInput
from core.permissions import Permission
from core.sentences import say
from core.users import Actor
from suppression import (
    JournalReading,
    journal_decisions,
    journal_launches,
    merge_journal,
    read_back,
    read_journal,
    trust_journal,
)


@dataclass(frozen=True)
class Replayed:
    """What came of it. `gaps`: numbers of lines that are missing, as `from-to`; `until`: how far the journal goes.

    `unwritten`: lines of which the journal says itself that they could not be written, as on a full disk.
    """

    lines: int
    stored: int
    lifted: int
    known: int
    unknown: int
    merged: int
    erased: int
    chosen: int
    ended: tuple[str, ...]
    unknown_campaigns: tuple[str, ...]
    gaps: tuple[str, ...]
    unreadable: int
    unwritten: int
    until: str | None
    lost_at: str | None


def replay(session: Session, *, file: Path | None, actor: Actor, lost_at: str | None) -> Replayed:
    """Read a journal back, from `file` or the home's own. Doing it again, or with a copy, stores nothing twice."""
    actor.require(Permission.EDIT_SUPPRESSION)
    found = required(session)
    reading = read_journal(file)
    if file is not None and not reading.lines:
        raise WrongInput("journal_empty", say("%(file)s holds no line of a journal.", file=file), where="JOURNAL")
    merged = merge_journal(file) if file is not None else 0
    back = read_back(session, actor=actor)
    # Before anybody is erased: what such a person once decided must not come back.
    chosen = sum(restore_choices(session, rows) for rows in journal_decisions())
    erased = sum(1 for who in _erased(session) if erase_person(session, who, actor=actor.email, reason="restored"))
    launched = end_launched(session, codes=journal_launches())
    trust_journal(session)
    _note(found, reading, of_home=file is None, lost_at=lost_at)
    done = Replayed(
        **asdict(back),
        merged=merged,
        erased=erased,
        chosen=chosen,
        ended=launched.ended,
        unknown_campaigns=launched.unknown,
        gaps=reading.gaps,
        unreadable=reading.unreadable,
        unwritten=reading.unwritten,
        until=found.details.get("until"),
        lost_at=found.details.get("lost_at"),
    )
    found.replayed_at = clock.now()
    found.replay = asdict(done)
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action="quarantine.replay",
        object_type="quarantine",
        object_id=found.id,
        **_counts(done),
    )
    return done


def required(session: Session) -> quarantine.Quarantine:
    """The quarantine that stands, held; NotAllowed when there is none."""
    found = quarantine.standing(session, lock=True)
    if found is None:
        raise NotAllowed("no_quarantine", say("This installation is not in quarantine."))
    return found


def _note(found: quarantine.Quarantine, reading: JournalReading, *, of_home: bool, lost_at: str | None) -> None:
    """How far the journals that were read go; the home's own as it was when the quarantine began, before new lines."""
    before = [found.details.get("journal_at"), found.details.get("journal", {}).get("at")]
    known = [moment for moment in (found.details.get("until"), *(before if of_home else [reading.until])) if moment]
    found.details = found.details | {
        "until": max(known, key=clock.read, default=None),
        "lost_at": clock.read(lost_at).isoformat() if lost_at else found.details.get("lost_at"),
    }


# Whose erasure the journal knows, and who is here again.
_BACK_AGAIN = """
    SELECT DISTINCT ON (c.id) c.id AS contact_id, a.address_id FROM suppression_entry AS a
    JOIN endpoint AS e ON e.address_id = a.address_id JOIN contact AS c ON c.id = e.contact_id
    WHERE a.source = 'erasure' AND a.evidence ->> 'restored_from' = 'journal' AND c.created_at < a.at
    ORDER BY c.id, a.address_id
"""


def _erased(session: Session) -> Iterator[DataSubject]:
    for row in session.execute(text(_BACK_AGAIN)).all():
        yield by_number(session, contact_id=row.contact_id, address_id=row.address_id)


def _counts(done: Replayed) -> dict[str, Any]:
    return {name: value for name, value in asdict(done).items() if isinstance(value, int | str)}
