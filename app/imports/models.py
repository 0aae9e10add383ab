"""The imports of the browser: what was asked for, how far it is, what came of it."""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Document, Id, Moment, text_enum


class ImportState(StrEnum):
    """Where an import is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ImportJob(Base):
    """One uploaded file. The counts are set when it is done, and then created + … + rejected are its rows.

    `token` names the worker that has it and `lease_until` how long the others leave it alone. `error` holds code,
    message, remedy and where of a mistake that concerns the whole file.
    """

    __tablename__ = "import_job"
    __table_args__ = (
        CheckConstraint("(state = 'running') = (token IS NOT NULL AND lease_until IS NOT NULL)", name="leased"),
        CheckConstraint("(state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)", name="ended"),
        Index(None, "id", postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[Id]
    kind: Mapped[str]
    name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    mapping: Mapped[str] = mapped_column(server_default="")
    encoding: Mapped[str] = mapped_column(server_default="")
    dry_run: Mapped[bool]
    asked_by: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[CreatedAt]
    state: Mapped[ImportState] = mapped_column(text_enum(ImportState), server_default="waiting")
    token: Mapped[str | None]
    lease_until: Mapped[Moment | None]
    # How many times a worker began with it.
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    started_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    lines_total: Mapped[int] = mapped_column(BigInteger, server_default="0")
    lines_done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    rows: Mapped[int | None] = mapped_column(BigInteger)
    created: Mapped[int | None] = mapped_column(BigInteger)
    updated: Mapped[int | None] = mapped_column(BigInteger)
    unchanged: Mapped[int | None] = mapped_column(BigInteger)
    rejected: Mapped[int | None] = mapped_column(BigInteger)
    # How many mails to people in it were still being handed over when it ended.
    on_its_way: Mapped[int] = mapped_column(BigInteger, server_default="0")
    error: Mapped[Document | None]
