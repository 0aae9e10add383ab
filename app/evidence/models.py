"""Time stamps of anchors, and the bundles about campaigns that people asked for in the browser."""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Document, Id, Moment, text_enum


class TimeStamp(Base):
    """What a service (RFC 3161) answered about the file of an anchor, byte for byte. Never updated, never deleted.

    `at` is when it says that the file was there, `signer` whose certificate signed that.
    """

    __tablename__ = "time_stamp"

    anchor: Mapped[int] = mapped_column(ForeignKey("evidence_anchor.seq"), primary_key=True, autoincrement=False)
    at: Mapped[Moment]
    signer: Mapped[str]
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    recorded_at: Mapped[CreatedAt]


class TimeStampTrouble(Base):
    """An anchor that the service did not stamp so far. `error`: code, message, remedy, where of the last time."""

    __tablename__ = "time_stamp_trouble"

    anchor: Mapped[int] = mapped_column(ForeignKey("evidence_anchor.seq"), primary_key=True, autoincrement=False)
    times: Mapped[int] = mapped_column(server_default="1")
    since: Mapped[CreatedAt]
    last_at: Mapped[CreatedAt]
    error: Mapped[Document]


class BundleState(StrEnum):
    """Where a bundle is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class BundleJob(Base):
    """One bundle: what it is about, how far it is, how large it became. `error`: code, message, remedy, where."""

    __tablename__ = "bundle_job"
    __table_args__ = (
        CheckConstraint("(state IN ('done', 'failed')) = (ended_at IS NOT NULL)", name="ended"),
        Index(None, "id", postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[Id]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    with_addresses: Mapped[bool]
    asked_by: Mapped[str]
    created_at: Mapped[CreatedAt]
    state: Mapped[BundleState] = mapped_column(text_enum(BundleState), server_default="waiting")
    # How many times a worker began with it.
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    messages_done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    messages_all: Mapped[int] = mapped_column(BigInteger, server_default="0")
    ended_at: Mapped[Moment | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[Document | None]
