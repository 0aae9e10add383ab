"""Consents: the append-only record of what was asked and confirmed, and the state that follows from it."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, UniqueConstraint, text
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


class PageKind(StrEnum):
    """What people could read when they decided."""

    PRIVACY_NOTICE = "privacy_notice"
    FORM = "form"
    CONFIRMATION = "confirmation"


class ConsentPage(Base):
    """A version of what people were shown: a privacy notice, or the HTML of a page of ours. Never changed."""

    __tablename__ = "consent_page"
    __table_args__ = (UniqueConstraint("kind", "version", "locale"),)

    id: Mapped[Id]
    kind: Mapped[PageKind] = mapped_column(text_enum(PageKind))
    version: Mapped[str]
    locale: Mapped[str]
    content: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[CreatedAt]


class Proof(Base):
    """Bytes that evidence names by their SHA-256: a mail as it was handed over, what a step says about a person.

    Encrypted, because an address in clear stands in them. Never changed; removed only when nobody confirmed what they
    prove: `kept_until` is empty for what stays. `about` holds what is no secret, such as the server that took a mail.
    """

    __tablename__ = "proof"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    subject: Mapped[str] = mapped_column(index=True)
    about: Mapped[Document] = mapped_column(server_default="{}")
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    kept_until: Mapped[Moment | None] = mapped_column(index=True)
    created_at: Mapped[CreatedAt]


class Consent(Base):
    """The present state of one person's consent to one purpose on one channel: a sum over its events.

    `reference` stands for it in mails and letters: random, so it tells nothing and cannot be guessed.
    """

    __tablename__ = "consent"
    __table_args__ = (UniqueConstraint("address_id", "controller_id", "channel", "purpose"),)

    id: Mapped[Id]
    reference: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"), unique=True)
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

    `evidence` holds the fields that courts and authorities ask for: wording and form version, the mail that was sent
    and the answer of the server that took it, or where an imported record comes from. What says who it was (address as
    typed, IP, user agent) stands in a `Proof` whose digest is named as `particulars`: who never confirmed can be
    forgotten, and the chain stays whole.
    """

    __tablename__ = "consent_event"
    __table_args__ = (UniqueConstraint("consent_id", "step", "at"),)

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(BigInteger, index=True)
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
