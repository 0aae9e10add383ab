"""Campaigns, who approved them, which holds were released, and the files that were given out for them."""

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.states import CampaignState
from contacts.models import Channel, TrackingLevel
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
    # When its mails may leave, as `delivery.pace.windows` reads it; without, at any time.
    windows: Mapped[Document | None]
    # Minutes by which a start may be late; later it waits for somebody who confirms it.
    most_late: Mapped[int | None]
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


class ApprovalDocument(Base):
    """What somebody looked at, to be read later: the segment as it was, the imprint, the numbers of the check.

    An approval names it by its digest in what it binds, so the seal of the approval covers it. Append-only.
    """

    __tablename__ = "approval_document"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    document: Mapped[Document]
    created_at: Mapped[CreatedAt]


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
