"""Ways out of a sender, and which calls of providers were taken in already."""

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Document, Id, Moment


class Transport(Base):
    """One of several ways out of a sender: a mail server, or an account with a provider.

    Of those with the lowest `position` that work, each gets batches by its share of `weight`. Secrets are sealed.
    """

    __tablename__ = "transport"
    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint("weight BETWEEN 1 AND 1000", name="weight"),
    )

    id: Mapped[Id]
    sender_id: Mapped[int] = mapped_column(ForeignKey("sender.id"), index=True)
    code: Mapped[str]
    kind: Mapped[str]
    url: Mapped[str]
    settings: Mapped[Document] = mapped_column(server_default="{}")
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    hook_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    position: Mapped[int] = mapped_column(server_default="0")
    weight: Mapped[int] = mapped_column(server_default="1")
    enabled: Mapped[bool] = mapped_column(server_default="true")
    # What may leave this way, as `delivery.pace.limits.Limit` reads it.
    limits: Mapped[Document] = mapped_column(server_default="{}")
    # While it takes no mail: since when, what it said, and when a worker asks again.
    away_since: Mapped[Moment | None]
    away_text: Mapped[str | None]
    next_try_at: Mapped[Moment | None]
    # The last call of its webhook that was taken in, and what a person has to do about it.
    called_at: Mapped[Moment | None]
    call_note: Mapped[str | None]
    created_at: Mapped[CreatedAt]


class ProviderCall(Base):
    """An event that a provider told us, by the digest of its identity: what comes again has no second effect."""

    __tablename__ = "provider_call"

    transport_id: Mapped[int] = mapped_column(ForeignKey("transport.id"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    at: Mapped[CreatedAt] = mapped_column(index=True)
