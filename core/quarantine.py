"""Quarantine: the database is older than what has happened, so nothing that it says about people can be relied on.

It begins with a restored backup, in the very transaction that brings the rows back, or when the journal of opt-outs
knows what the database does not. It has three steps, each noted here: what may have been sent since is set aside
(`settled_at`), the journal is read back (`replayed_at`), and somebody from compliance lets mail leave again
(`released_at`). Until the journal is read back nothing leaves at all, because nobody knows who has objected; from then
on answers to what people do now leave, and campaigns only after the release.
"""

from typing import Any

from sqlalchemy import Index, exists, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import audit
from core.db import Base, CreatedAt, Document, Id, Moment
from core.errors import NotAllowed
from core.sentences import say

_STANDS = "released_at IS NULL"

RESTORED, JOURNAL_AHEAD = "restored", "journal_ahead"


class Quarantine(Base):
    """One quarantine. `details`: of the backup, and of how far the journal goes; `replay`: what reading it back did."""

    __tablename__ = "quarantine"
    __table_args__ = (
        # At most one stands.
        Index("uq_quarantine_standing", text(f"({_STANDS})"), unique=True, postgresql_where=text(_STANDS)),
    )

    id: Mapped[Id]
    begun_at: Mapped[CreatedAt]
    cause: Mapped[str]
    details: Mapped[Document] = mapped_column(server_default="{}")
    settled_at: Mapped[Moment | None]
    replayed_at: Mapped[Moment | None]
    replay: Mapped[Document] = mapped_column(server_default="{}")
    # Who asked for a release that needs a second person, and why.
    asked_by: Mapped[str | None]
    ask_reason: Mapped[str | None]
    released_at: Mapped[Moment | None]
    released_by: Mapped[str | None]
    release_reason: Mapped[str | None]


def standing(session: Session, *, lock: bool = False) -> Quarantine | None:
    """The quarantine that is not over, if there is one."""
    query = select(Quarantine).where(Quarantine.released_at.is_(None)).execution_options(populate_existing=True)
    return session.scalar(query.with_for_update() if lock else query)


def begin(session: Session, *, cause: str, details: dict[str, Any]) -> Quarantine:
    """Begin one, or begin the one that stands anew: what it rested on is no longer so."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('quarantine'))"))
    found = standing(session, lock=True)
    if found is None:
        found = Quarantine(cause=cause, details=details)
        session.add(found)
    else:
        found.details = found.details | details
    found.settled_at = found.replayed_at = found.asked_by = found.ask_reason = None
    session.flush()
    audit.record(
        session, actor="system", action="quarantine.begin", object_type="quarantine", object_id=found.id, cause=cause
    )
    return found


def forbids(session: Session, *, answer: bool) -> bool:
    """Whether mail has to stay: of campaigns until the release, answers to people until the journal is read back."""
    held = exists().where(Quarantine.released_at.is_(None))
    return bool(session.scalar(select(held.where(Quarantine.replayed_at.is_(None)) if answer else held)))


def refuse_while_blind(session: Session) -> None:
    """For doors that tell others whom they may write to: refuse as long as objections may be missing."""
    if forbids(session, answer=True):
        raise NotAllowed(
            "quarantined",
            say("This installation is in quarantine: objections that came after its backup may be missing."),
            say("Read the journal back first: crusoe restore replay JOURNAL --as YOU."),
        )


def refuse_campaigns(session: Session) -> None:
    """For whatever begins or resumes a campaign: refuse until the quarantine is released."""
    if forbids(session, answer=False):
        raise NotAllowed(
            "quarantined",
            say("This installation is in quarantine, so no campaign is sent."),
            say("See `crusoe restore status` for what is to be done."),
        )
