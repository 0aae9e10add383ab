"""Consents: the append-only record of what was asked and confirmed, and the state that follows from it."""

from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.orm import Mapped, mapped_column

from contacts.models import Channel
from core.db import Base, CreatedAt, Document, Id, Moment, text_enum
from core.evidence import Chain, register


class ConsentStep(StrEnum):
    """What can happen to a consent."""

    REQUESTED = "requested"
    MAIL_SENT = "mail_sent"
    LANDING_VIEWED = "landing_viewed"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class ConsentText(Base):
    """A version of the words that people agreed to. Never changed; a new wording is a new version."""

    __tablename__ = "consent_text"
    __table_args__ = (UniqueConstraint("version", "locale"),)

    id: Mapped[Id]
    version: Mapped[str]
    locale: Mapped[str]
    text: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[CreatedAt]


class Consent(Base):
    """The present state of one person's consent to one purpose on one channel: a sum over its events."""

    __tablename__ = "consent"
    __table_args__ = (UniqueConstraint("address_id", "controller_id", "channel", "purpose"),)

    id: Mapped[Id]
    address_id: Mapped[int] = mapped_column(ForeignKey("address.id"))
    controller_id: Mapped[int] = mapped_column(ForeignKey("controller.id"))
    channel: Mapped[Channel] = mapped_column(text_enum(Channel))
    purpose: Mapped[str]
    basis: Mapped[str]
    text_version: Mapped[str | None]
    requested_at: Mapped[Moment]
    confirmed_at: Mapped[Moment | None]
    withdrawn_at: Mapped[Moment | None]


class ConsentEvent(Base):
    """One step of one consent, with its evidence. Never updated, never deleted.

    `evidence` holds the fields that courts and authorities ask for: wording and form version, IP and user agent of both
    steps, the mail that was sent and the answer of the server that took it, or where an imported record comes from.
    """

    __tablename__ = "consent_event"
    __table_args__ = (
        UniqueConstraint("consent_id", "step", "at"),
        Index(None, "batch_id", postgresql_using="brin"),
    )

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(BigInteger)
    consent_id: Mapped[int] = mapped_column(ForeignKey("consent.id"))
    step: Mapped[ConsentStep] = mapped_column(
        ENUM(ConsentStep, name="consent_step", values_callable=lambda steps: [step.value for step in steps])
    )
    at: Mapped[Moment]
    recorded_at: Mapped[CreatedAt]
    evidence: Mapped[Document]


CHAIN = register(
    Chain(
        name="consent",
        table="consent_event",
        columns=("id", "consent_id", "step", "at", "recorded_at", "evidence"),
    )
)
