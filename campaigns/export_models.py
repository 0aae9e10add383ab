"""Files that left the house for a call centre, a print shop or a text message gateway, and what came of them."""

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from contacts.models import Channel
from core.db import Base, CreatedAt, Document, Id, Moment, text_enum


class ChannelExport(Base):
    """One file: who took it, for which purpose, until when it may be used, and the batch of decisions behind it."""

    __tablename__ = "channel_export"

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    channel: Mapped[Channel] = mapped_column(text_enum(Channel))
    purpose: Mapped[str]
    decision_batch_id: Mapped[int] = mapped_column(BigInteger)
    counts: Mapped[Document]
    people: Mapped[int]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    valid_until: Mapped[Moment]
    made_by: Mapped[str]
    made_at: Mapped[CreatedAt]


class ChannelResult(Base):
    """What came of one line of such a file, as the other side reported it."""

    __tablename__ = "channel_result"
    __table_args__ = (UniqueConstraint("export_id", "address_id", "result", "at"),)

    id: Mapped[Id]
    export_id: Mapped[int] = mapped_column(ForeignKey("channel_export.id"))
    address_id: Mapped[int] = mapped_column(ForeignKey("address.id"))
    result: Mapped[str]
    at: Mapped[Moment]
    note: Mapped[str | None]
    recorded_at: Mapped[CreatedAt]
