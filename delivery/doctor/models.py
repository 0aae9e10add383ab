"""The tables of the doctor: each look at a sender, and what people decided that findings do."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Document, Id, Moment, text_enum
from delivery.doctor.findings import Effect


class SenderExamination(Base):
    """One look at a sender: asked for, begun by some process, done. `findings` is what `kept` made of them."""

    __tablename__ = "sender_examination"
    __table_args__ = (
        Index("ix_sender_examination_done", "sender_id", "done_at"),
        # Who asks while somebody has asked already waits for the same answer.
        Index("uq_sender_examination_waiting", "sender_id", unique=True, postgresql_where=text("done_at IS NULL")),
        CheckConstraint("(done_at IS NULL) = (findings IS NULL)", name="done_with_findings"),
    )

    id: Mapped[Id]
    sender_id: Mapped[int] = mapped_column(ForeignKey("sender.id", ondelete="CASCADE"))
    requested_at: Mapped[CreatedAt]
    requested_by: Mapped[str]
    started_at: Mapped[Moment | None]
    done_at: Mapped[Moment | None]
    asked: Mapped[int | None]
    unanswered: Mapped[int | None]
    findings: Mapped[Document | None]


class FindingEffect(Base):
    """What a finding does, where somebody decided otherwise than usual."""

    __tablename__ = "finding_effect"

    code: Mapped[str] = mapped_column(primary_key=True)
    effect: Mapped[Effect] = mapped_column(text_enum(Effect))
    set_at: Mapped[CreatedAt]
    set_by: Mapped[str]
    reason: Mapped[str]
