"""Sign-up forms and the requests for consent that wait for their confirmation."""

from datetime import date

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Id, Moment


class SignupForm(Base):
    """A public form: what people agree to when they use it."""

    __tablename__ = "signup_form"

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    controller_id: Mapped[int] = mapped_column(ForeignKey("controller.id"))
    sender_id: Mapped[int] = mapped_column(ForeignKey("sender.id"))
    purpose: Mapped[str]
    text_version: Mapped[str]
    privacy_version: Mapped[str | None]
    frequency: Mapped[str | None]
    topics: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    created_at: Mapped[CreatedAt]
    closed_at: Mapped[Moment | None]


class SignupRequest(Base):
    """One use of a form; what nobody confirmed is removed after fourteen days.

    `typed` is the address in clear, erased as soon as the contact has it or the request has expired. Of the token in
    the mail only the SHA-256 is stored. `ip`: of IPv6, the network.
    """

    __tablename__ = "signup_request"
    __table_args__ = (
        Index(None, "ip", "requested_at"),
        Index(None, "form_id", "requested_at"),
        Index("ix_signup_request_open", "requested_at", postgresql_where=text("confirmed_at IS NULL")),
        Index("ix_signup_request_unnoted", "message_id", postgresql_where=text("mail_noted_at IS NULL")),
    )

    id: Mapped[Id]
    form_id: Mapped[int] = mapped_column(ForeignKey("signup_form.id"))
    address_id: Mapped[int] = mapped_column(ForeignKey("address.id"))
    consent_id: Mapped[int] = mapped_column(ForeignKey("consent.id"))
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    typed: Mapped[str | None]
    text_version: Mapped[str]
    locale: Mapped[str]
    ip: Mapped[str | None]
    requested_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    confirmed_at: Mapped[Moment | None]
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    mail_noted_at: Mapped[Moment | None]


class SignupMail(Base):
    """A mail that asked for a confirmation, for counting: a form must not be a way to flood a mailbox.

    `mailbox_key` is the keyed hash of the mailbox behind spellings such as a.nn+news@, so that the limit cannot be
    passed by spelling it anew. Removed when the limit does not look back so far any more.
    """

    __tablename__ = "signup_mail"

    mailbox_key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    asked_at: Mapped[Moment] = mapped_column(primary_key=True, index=True)


class SignupCount(Base):
    """How many requests of a day nobody confirmed: all that is left of them."""

    __tablename__ = "signup_count"

    form_id: Mapped[int] = mapped_column(ForeignKey("signup_form.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    unconfirmed: Mapped[int]
