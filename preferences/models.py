"""Sign-up forms and the requests for consent that wait for their confirmation."""

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
    topics: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    created_at: Mapped[CreatedAt]
    closed_at: Mapped[Moment | None]


class SignupRequest(Base):
    """One use of a form.

    `typed` is the address in clear, erased as soon as the contact has it or the request has expired. `mailbox_key`
    stands for the mailbox behind spellings such as a.nn+news@, so that limits cannot be passed by spelling it anew. The
    token in the mail is signed from the id; there is nothing secret to be stored.
    """

    __tablename__ = "signup_request"
    __table_args__ = (
        Index(None, "mailbox_key", "requested_at"),
        Index(None, "ip", "requested_at"),
        Index("ix_signup_request_open", "expires_at", postgresql_where=text("typed IS NOT NULL")),
        Index("ix_signup_request_unnoted", "message_id", postgresql_where=text("mail_noted_at IS NULL")),
    )

    id: Mapped[Id]
    form_id: Mapped[int] = mapped_column(ForeignKey("signup_form.id"))
    address_id: Mapped[int] = mapped_column(ForeignKey("address.id"))
    consent_id: Mapped[int] = mapped_column(ForeignKey("consent.id"))
    mailbox_key: Mapped[bytes] = mapped_column(LargeBinary)
    typed: Mapped[str | None]
    text_version: Mapped[str]
    locale: Mapped[str]
    ip: Mapped[str | None]
    requested_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    confirmed_at: Mapped[Moment | None]
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    mail_noted_at: Mapped[Moment | None]
