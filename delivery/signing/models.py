"""The table of signing keys."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Id, Moment, text_enum


class Algorithm(StrEnum):
    """What a key is made for. Every receiver checks RSA; Ed25519 is shorter, and few check it alone."""

    RSA2048 = "rsa2048"
    ED25519 = "ed25519"


class SigningKey(Base):
    """A key of a domain. Its private half is sealed with the key file, and gone for good once it is retired."""

    __tablename__ = "signing_key"
    __table_args__ = (
        UniqueConstraint("domain", "selector"),
        CheckConstraint("(retired_at IS NULL) = (sealed IS NOT NULL)", name="forgotten_when_retired"),
        Index(
            "ix_signing_key_active",
            "domain",
            postgresql_where=text("active_from IS NOT NULL AND retired_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    domain: Mapped[str]
    selector: Mapped[str]
    algorithm: Mapped[Algorithm] = mapped_column(text_enum(Algorithm))
    sealed: Mapped[bytes | None]
    # What stands behind `p=` in the DNS.
    public_value: Mapped[str]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
    active_from: Mapped[Moment | None]
    retired_at: Mapped[Moment | None]

    def __repr__(self) -> str:
        return f"<SigningKey {self.selector}._domainkey.{self.domain} {self.algorithm}>"
