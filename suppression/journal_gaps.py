"""What the journal has to say and could not be written, as on a full disk: kept in the database until it can.

An objection that is stored in the database is accepted, whatever becomes of the journal. But then the journal is not
whole, and a restore from it would lose somebody. So the lines are kept, the journal itself says that lines are missing
as soon as a line can be written, everybody who looks is told, and a job writes them when there is room.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import BigInteger, Index, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import audit, clock
from core.db import Base, CreatedAt, Id, Moment, after_commit, transaction
from core.errors import NotReachable
from suppression import journal
from suppression.journal_lines import Decided, Gap, Launch, Mended, Said, understood

log = structlog.get_logger()


class JournalGap(Base):
    """Lines that the journal lacks: so `many`, noticed when they could not be written, and kept until they could."""

    __tablename__ = "journal_gap"
    __table_args__ = (Index("ix_journal_gap_open", "id", postgresql_where=text("mended_at IS NULL")),)

    id: Mapped[Id]
    reference: Mapped[str]
    noticed_at: Mapped[CreatedAt]
    many: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    mended_at: Mapped[Moment | None]


@dataclass(frozen=True)
class Missing:
    """How many `lines` the journal lacks, and since when."""

    lines: int
    since: datetime


def write(lines: list[Said]) -> None:
    """Write lines into the journal, or keep them for it. Called after the transaction that they are about is stored."""
    if journal.append(lines):
        return
    gap = JournalGap(reference=str(uuid4()), many=len(lines), lines=[asdict(one) for one in lines])
    # A short line may find room where many did not.
    journal.append([Gap(gap.reference, gap.many, clock.now().isoformat())])
    try:
        with transaction() as session:
            session.add(gap)
            session.flush()
            _record(session, gap, "journal.gap")
    except (NotReachable, SQLAlchemyError) as error:
        # What the lines are about is stored and in force: to say that it did not work would be wrong.
        log.critical("journal_gap_not_kept", lines=gap.many, error=str(error))


def missing(session: Session) -> Missing | None:
    """What the journal lacks just now; None while it is whole."""
    row = session.execute(
        select(func.sum(JournalGap.many), func.min(JournalGap.noticed_at)).where(JournalGap.mended_at.is_(None))
    ).one()
    return None if row[0] is None else Missing(int(row[0]), row[1])


def mend(session: Session) -> bool:
    """Write what is kept, when there is room again; answers whether the journal is whole."""
    kept = select(JournalGap).where(JournalGap.mended_at.is_(None)).order_by(JournalGap.id).with_for_update()
    for gap in session.scalars(kept).all():
        lines = [said for one in gap.lines if (said := understood(one)) is not None]
        # A process that dies now writes them twice; whoever reads them takes each once.
        if not journal.append([*lines, Mended(gap.reference, clock.now().isoformat())]):
            return False
        gap.mended_at, gap.lines = clock.now(), []
        _record(session, gap, "journal.mended")
    return True


def note_launch(session: Session, *, campaign: str) -> None:
    """Write down, once the transaction is stored, that a campaign begins."""
    line = Launch(campaign, clock.now().isoformat())
    after_commit(session, lambda: write([line]))


def note_decided(session: Session, *, address_id: int, decided: dict[str, Any], at: datetime) -> None:
    """Write down, once the transaction is stored, all that a person has decided by now."""
    key = session.scalar(text("SELECT encode(key, 'hex') FROM address WHERE id = :id"), {"id": address_id})
    if key is not None:
        line = Decided(decided, str(key), at.isoformat())
        after_commit(session, lambda: write([line]))


def _record(session: Session, gap: JournalGap, action: str) -> None:
    audit.record(session, actor="system", action=action, object_type="journal", object_id=gap.reference, lines=gap.many)
