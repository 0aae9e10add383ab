"""The ledger of what happened: links, raw hits with their verdicts, how often somebody was written to."""

from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, Index, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Id, Moment


class EventKind(StrEnum):
    """The closed list of what can happen to a message after it was planned."""

    SENT = "sent"
    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"
    BOUNCE = "bounce"
    SOFT_BOUNCE = "soft_bounce"
    COMPLAINT = "complaint"


class Verdict(StrEnum):
    """Whether a hit came from a person or from a machine that reads mail before people do."""

    HUMAN = "human"
    MACHINE = "machine"


def _native(kind: type[StrEnum], name: str) -> ENUM:
    return ENUM(kind, name=name, values_callable=lambda members: [member.value for member in members])


class Link(Base):
    """A link target of one run. It is stored when the mail is made, so no address in a URL is ever followed."""

    __tablename__ = "link"
    __table_args__ = (UniqueConstraint("run_id", "position"),)

    id: Mapped[Id]
    run_id: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int] = mapped_column(SmallInteger)
    target: Mapped[str]
    created_at: Mapped[CreatedAt]


class Event(Base):
    """One thing that happened. Raw fields are never changed; verdicts may be judged again.

    Hits of people who allowed only aggregate counting have no message, address, IP or user agent; they are judged once,
    as they come in. `prefetch`: the client said that it only looks ahead.
    """

    __tablename__ = "event"
    __table_args__ = (
        Index(None, "run_id", "kind"),
        Index(None, "message_id", "kind"),
        Index(None, "address_id", "at"),
        Index("ix_event_unjudged", "id", postgresql_where="verdict IS NULL AND kind IN ('open', 'click')"),
    )

    id: Mapped[Id]
    at: Mapped[Moment]
    kind: Mapped[EventKind] = mapped_column(_native(EventKind, "event_kind"))
    run_id: Mapped[int | None] = mapped_column(BigInteger)
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    address_id: Mapped[int | None] = mapped_column(BigInteger)
    link_id: Mapped[int | None] = mapped_column(BigInteger)
    sent_at: Mapped[Moment | None]
    method: Mapped[str | None]
    prefetch: Mapped[bool] = mapped_column(server_default="false")
    ip: Mapped[str | None]
    user_agent: Mapped[str | None]
    verdict: Mapped[Verdict | None] = mapped_column(_native(Verdict, "hit_verdict"))
    verdict_reason: Mapped[str | None]


class Exposure(Base):
    """How many messages an address got on a day, by purpose and basis: what caps and lapse clocks count."""

    __tablename__ = "exposure"

    address_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    basis: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    messages: Mapped[int] = mapped_column(SmallInteger)
    last_at: Mapped[Moment]


class SpoolFile(Base):
    """How far a spool file has been copied into the ledger: written in the same transaction as the copy."""

    __tablename__ = "spool_file"

    name: Mapped[str] = mapped_column(primary_key=True)
    copied: Mapped[int] = mapped_column(BigInteger)
    copied_at: Mapped[CreatedAt]
