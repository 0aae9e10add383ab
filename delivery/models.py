"""Senders, runs, and the ledger of messages: one row for each recipient of each run."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, ENUM
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from contacts.models import TrackingLevel
from core.db import Base, CreatedAt, Document, Id, Moment, text_enum

# Tables of their own files, read through this one.
from delivery.pace.models import DayTally as DayTally  # noqa: PLC0414
from delivery.pace.models import MailOperator as MailOperator  # noqa: PLC0414
from delivery.pace.models import Pace as Pace  # noqa: PLC0414
from delivery.providers.models import ProviderCall as ProviderCall  # noqa: PLC0414
from delivery.providers.models import Transport as Transport  # noqa: PLC0414
from delivery.returns.models import ReturnedMail as ReturnedMail  # noqa: PLC0414
from delivery.returns.models import ReturnedRow as ReturnedRow  # noqa: PLC0414
from delivery.returns.models import Way as Way  # noqa: PLC0414
from delivery.states import HANDED_OVER, MessageState, RunKind, RunState


class Sender(Base):
    """Who a mail comes from, and the server it leaves by. Keys of signatures stand in the key file, not here."""

    __tablename__ = "sender"

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    controller_id: Mapped[int] = mapped_column(ForeignKey("controller.id"))
    from_name: Mapped[str]
    from_address: Mapped[str]
    reply_to: Mapped[str | None]
    return_domain: Mapped[str]
    transport_url: Mapped[str | None]
    most_per_second: Mapped[int | None]
    dkim_selector: Mapped[str | None]
    # What it may send, as `delivery.pace.limits` reads it.
    limits: Mapped[Document] = mapped_column(server_default="{}")
    # While its server takes no mail: since when, what stood in the way, and when a worker asks again.
    away_since: Mapped[Moment | None]
    away_text: Mapped[str | None]
    next_try_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]


class Run(Base):
    """One launch of a campaign, or the standing run of a kind of transactional mail.

    `content` is the frozen, compiled form of what is said; `state` is what pause and stop change, and the gate reads.
    """

    __tablename__ = "run"

    id: Mapped[Id]
    kind: Mapped[RunKind] = mapped_column(text_enum(RunKind))
    name: Mapped[str]
    sender_id: Mapped[int] = mapped_column(ForeignKey("sender.id"))
    purpose: Mapped[str]
    # Who switched this topic off on the preference page gets nothing of this run.
    topic: Mapped[str | None]
    tracking: Mapped[TrackingLevel] = mapped_column(text_enum(TrackingLevel))
    content: Mapped[Document]
    content_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[RunState] = mapped_column(text_enum(RunState))
    state_reason: Mapped[str | None]
    retry_unknown: Mapped[bool] = mapped_column(server_default="false")
    # Reasons for which compliance released holds of this run; the gate lets these pass and records that it did.
    released: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    # When its mails may leave, as `delivery.pace.windows` reads it; without, at any time.
    windows: Mapped[Document | None]
    # When the brake stopped it, until a person resumes it; and what the brake does not count any more since then.
    braked_at: Mapped[Moment | None]
    counted_before: Mapped[Document] = mapped_column(server_default="{}")
    audience: Mapped[int] = mapped_column(BigInteger, server_default="0")
    planned_up_to: Mapped[int] = mapped_column(BigInteger, server_default="0")
    planned_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[Moment | None]


_HANDED_OVER = ", ".join(f"'{state}'" for state in sorted(HANDED_OVER))


class Message(Base):
    """One message to one recipient. The row is the queue: workers claim it, and it ends in exactly one end state."""

    __tablename__ = "message"
    __table_args__ = (
        # At most once: the same step of the same run never writes twice to one address.
        UniqueConstraint("run_id", "address_id", "step", "occurrence", "channel"),
        CheckConstraint(f"state NOT IN ({_HANDED_OVER}) OR decision_id IS NOT NULL", name="no_decision_no_send"),
        CheckConstraint("state NOT IN ('claimed', 'handing_over') OR token IS NOT NULL", name="claimed_by_somebody"),
        Index(
            "ix_message_ready",
            *("run_id", "zone", "operator", "not_before", "id"),
            postgresql_where=text("state = 'ready'"),
        ),
        Index("ix_message_leased", "lease_until", postgresql_where=text("state IN ('claimed', 'handing_over')")),
        Index("ix_message_unknown", "run_id", postgresql_where=text("state = 'unknown'")),
        Index("ix_message_in_handover", "address_id", postgresql_where=text("state = 'handing_over'")),
        {"postgresql_with": {"fillfactor": 85}},
    )

    id: Mapped[Id]
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    address_id: Mapped[int] = mapped_column(BigInteger)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    occurrence: Mapped[int] = mapped_column(BigInteger, server_default="0")
    decision_id: Mapped[int | None] = mapped_column(BigInteger)
    token: Mapped[int | None] = mapped_column(BigInteger)
    not_before: Mapped[Moment | None]
    lease_until: Mapped[Moment | None]
    handed_over_at: Mapped[Moment | None]
    done_at: Mapped[Moment | None]
    state: Mapped[MessageState] = mapped_column(
        ENUM(MessageState, name="message_state", values_callable=lambda states: [state.value for state in states])
    )
    step: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    leases_lost: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    reply_code: Mapped[int | None] = mapped_column(SmallInteger)
    channel: Mapped[str] = mapped_column(server_default="email")
    reply_text: Mapped[str | None]
    # Who runs the mailbox, and by which clock the person lives: 0 is none of those that are told apart.
    operator: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    zone: Mapped[int] = mapped_column(SmallInteger, server_default="0")


class MessageValue(Base):
    """What a single message says besides what is known of its contact; erased as soon as the message is settled.

    `recipient` is the address in clear where no endpoint stands for it yet, as in mail that asks for a confirmation.
    `keep_copy`: the exact bytes that are handed over are kept as a proof.
    """

    __tablename__ = "message_value"

    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True)
    recipient: Mapped[str | None]
    values: Mapped[Document] = mapped_column(server_default="{}")
    keep_copy: Mapped[bool] = mapped_column(server_default="false")
