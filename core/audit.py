"""Who did what, when and why: the audit log of people's actions."""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, CreatedAt, Document, Id
from core.evidence import Chain, open_batch, register, seal


class AuditEvent(Base):
    """One action of a person or of the system. Never updated, never deleted."""

    __tablename__ = "audit_event"
    __table_args__ = (Index(None, "object_type", "object_id"), Index(None, "action"))

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(BigInteger, index=True)
    at: Mapped[CreatedAt]
    actor: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    action: Mapped[str]
    object_type: Mapped[str]
    object_id: Mapped[str]
    reason: Mapped[str | None]
    details: Mapped[Document]


CHAIN = register(
    Chain(
        name="audit",
        table="audit_event",
        columns=("id", "at", "actor", "user_id", "action", "object_type", "object_id", "reason", "details"),
    )
)


def record(
    session: Session,
    *,
    actor: str,
    action: str,
    object_type: str,
    object_id: object,
    reason: str | None = None,
    user_id: int | None = None,
    **details: Any,
) -> None:
    """Append one action. `actor` is a user's e-mail address, `system`, `import` or `recipient`.

    Recipients stand in `details` by id only, never by address: erasing a person must not break the chain.
    """
    batch = open_batch(session)
    session.execute(
        insert(AuditEvent).values(
            batch_id=batch,
            actor=actor,
            user_id=user_id,
            action=action,
            object_type=object_type,
            object_id=str(object_id),
            reason=reason,
            details=details,
        )
    )
    seal(session, chain=CHAIN, batch_id=batch)
