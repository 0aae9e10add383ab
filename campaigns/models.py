"""Campaigns, who approved them, and which holds were released."""

from sqlalchemy import BigInteger, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.states import CampaignState
from contacts.models import TrackingLevel
from core.db import Base, CreatedAt, Document, Id, Moment, text_enum
from core.evidence import Chain, register


class Campaign(Base):
    """What is planned: to whom (segment), what (template), from whom (sender), for which purpose, when."""

    __tablename__ = "campaign"

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    state: Mapped[CampaignState] = mapped_column(text_enum(CampaignState))
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    template_id: Mapped[int] = mapped_column(ForeignKey("template.id"))
    sender_id: Mapped[int] = mapped_column(ForeignKey("sender.id"))
    purpose: Mapped[str] = mapped_column(server_default="newsletter")
    topic: Mapped[str | None]
    tracking: Mapped[TrackingLevel] = mapped_column(text_enum(TrackingLevel))
    scheduled_at: Mapped[Moment | None]
    author: Mapped[str]
    submitted_by: Mapped[str | None]
    check_result: Mapped[Document | None]
    checked_at: Mapped[Moment | None]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class Approval(Base):
    """Somebody else looked and agreed to exactly this content, audience, sender, rules and lists. Append-only."""

    __tablename__ = "approval"

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(BigInteger)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    action: Mapped[str]
    actor: Mapped[str]
    at: Mapped[CreatedAt]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    bound: Mapped[Document]
    reason: Mapped[str | None]


CHAIN = register(
    Chain(
        name="approval",
        table="approval",
        columns=("id", "campaign_id", "action", "actor", "at", "digest", "bound", "reason"),
    )
)
