"""How much work was found because somebody rang, and how much only by looking: what a broker loses shows here."""

from threading import local

from sqlalchemy import BigInteger, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, transaction


class FoundWork(Base):
    """Rows that a job has taken up, since the installation began."""

    __tablename__ = "found_work"

    job: Mapped[str] = mapped_column(primary_key=True)
    rung: Mapped[int] = mapped_column(BigInteger, server_default="0")
    polled: Mapped[int] = mapped_column(BigInteger, server_default="0")


_here = local()


def begin() -> None:
    """A job begins in this thread."""
    _here.rows = 0


def note_found(rows: int) -> None:
    """The job that runs in this thread has taken up so many rows; outside of a job nobody counts."""
    if hasattr(_here, "rows"):
        _here.rows += rows


def end(job: str, *, polled: bool) -> None:
    """The job has ended: add what it found, once for however many batches it was."""
    rows = _here.__dict__.pop("rows", 0)
    if not rows:
        return
    column = FoundWork.polled if polled else FoundWork.rung
    added = insert(FoundWork).values({"job": job, column.name: rows})
    with transaction() as session:
        session.execute(added.on_conflict_do_update(index_elements=["job"], set_={column.name: column + rows}))


def found(session: Session, job: str) -> tuple[int, int]:
    """The rows of a job that were found by ringing, and by looking."""
    row = session.execute(select(FoundWork.rung, FoundWork.polled).where(FoundWork.job == job)).one_or_none()
    return (row.rung, row.polled) if row else (0, 0)
