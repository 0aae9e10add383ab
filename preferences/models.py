"""Sign-up forms and the requests for consent that wait for their confirmation."""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Document, Id, Moment


class SignupForm(Base):
    """A public form: what people agree to when they use it."""

    __tablename__ = "signup_form"

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    controller_id: Mapped[int] = mapped_column(ForeignKey("controller.id"))
    sender_id: Mapped[int] = mapped_column(ForeignKey("sender.id"))
    purpose: Mapped[str]
    text_version: Mapped[str]
    topics: Mapped[Document] = mapped_column(server_default="[]")
    created_at: Mapped[CreatedAt]
    closed_at: Mapped[Moment | None]


class SignupRequest(Base):
    """One use of a form. Only a hash of the token is kept; an unconfirmed request is erased when it has expired."""

    __tablename__ = "signup_request"
    __table_args__ = (Index(None, "address_id", "requested_at"), Index(None, "ip", "requested_at"))

    id: Mapped[Id]
    form_id: Mapped[int] = mapped_column(ForeignKey("signup_form.id"))
    address_id: Mapped[int] = mapped_column(ForeignKey("address.id"))
    consent_id: Mapped[int] = mapped_column(ForeignKey("consent.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    typed: Mapped[str]
    locale: Mapped[str]
    ip: Mapped[str | None]
    requested_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    confirmed_at: Mapped[Moment | None]
    message_id: Mapped[int | None] = mapped_column(BigInteger)
