"""Requests to lift entries, what a second person said to them, and permits for mail that other systems send."""

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Id, Moment


class LiftRequest(Base):
    """Somebody asks that an entry no longer count, for a reason. Never updated, never deleted."""

    __tablename__ = "lift_request"

    id: Mapped[Id]
    entry_id: Mapped[int] = mapped_column(ForeignKey("suppression_entry.id"), index=True)
    asked_by: Mapped[str]
    at: Mapped[CreatedAt]
    reason: Mapped[str]


class LiftAnswer(Base):
    """What somebody else said to a request. An agreement has a `suppression_lift` beside it. Never updated."""

    __tablename__ = "lift_answer"

    request_id: Mapped[int] = mapped_column(ForeignKey("lift_request.id"), primary_key=True)
    agreed: Mapped[bool]
    answered_by: Mapped[str]
    at: Mapped[CreatedAt]
    reason: Mapped[str]


class Permit(Base):
    """Another system may send one message until then; `decision_id` is the evidence. Never updated, never deleted."""

    __tablename__ = "permit"

    permit: Mapped[str] = mapped_column(primary_key=True)
    decision_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    address_id: Mapped[int] = mapped_column(ForeignKey("address.id"), index=True)
    given_to: Mapped[str]
    at: Mapped[CreatedAt]
    valid_until: Mapped[Moment]
