"""Scores, the leads that went to sales, and the outbox that carries them there."""

from enum import StrEnum

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, Numeric, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Document, Id, Moment, text_enum


class LeadState(StrEnum):
    """What sales said, or that they said nothing in time."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ESCALATED = "escalated"


class ScoreModel(Base):
    """A version of the score rules. The newest one is in force; older ones explain older scores."""

    __tablename__ = "score_model"

    id: Mapped[Id]
    rules: Mapped[Document]
    activated_at: Mapped[CreatedAt]
    activated_by: Mapped[str]


class Score(Base):
    """A contact's score and the lines it is made of. Can be thrown away and rebuilt from the events."""

    __tablename__ = "score"

    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True)
    points: Mapped[float] = mapped_column(Numeric(8, 2, asdecimal=False), index=True)
    lines: Mapped[Document]
    model_id: Mapped[int] = mapped_column(ForeignKey("score_model.id"))
    computed_at: Mapped[Moment]


class ScoreDirty(Base):
    """An address about which something is known that its score does not know yet.

    A trigger on `event` writes it: when a hit is judged human or no longer so, and when something happens that needs no
    judgement. A row appears exactly when the event does, so nothing that is stored late or judged anew is overlooked,
    which a mark of how far the ledger was read could not promise. Rows are only added and removed, never shared.
    """

    __tablename__ = "score_dirty"

    id: Mapped[Id]
    address_id: Mapped[int] = mapped_column(BigInteger, index=True)


class SalesPerson(Base):
    """Somebody who takes leads. `territory` narrows which ones: countries, kinds; empty means any."""

    __tablename__ = "sales_person"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), unique=True)
    territory: Mapped[Document] = mapped_column(server_default="{}")
    last_given_at: Mapped[Moment | None]
    active: Mapped[bool] = mapped_column(server_default="true")


class Handover(Base):
    """A lead given to a salesperson, with the explanation of that moment and the time by which an answer is due."""

    __tablename__ = "handover"
    __table_args__ = (
        # One open lead per person: a second threshold crossing adds to it instead of bothering sales twice.
        Index("uq_handover_open", "contact_id", unique=True, postgresql_where=text("state IN ('open', 'escalated')")),
    )

    id: Mapped[Id]
    contact_id: Mapped[int] = mapped_column(BigInteger, index=True)
    sales_person_id: Mapped[int | None] = mapped_column(ForeignKey("sales_person.id"))
    state: Mapped[LeadState] = mapped_column(text_enum(LeadState))
    points: Mapped[float] = mapped_column(Numeric(8, 2, asdecimal=False))
    lines: Mapped[Document]
    created_at: Mapped[CreatedAt]
    due_at: Mapped[Moment]
    answered_at: Mapped[Moment | None]
    answered_by: Mapped[str | None]
    reason: Mapped[str | None]


class WebhookTarget(Base):
    """Another system that is told things. Its secret is made from the key file and the name, so no dump has it.

    Leads go where the score rules say; `events` names what else it hears, such as `list.due`. `loopback` lets it be
    this machine, for demos and tests; production refuses that.
    """

    __tablename__ = "webhook_target"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]
    loopback: Mapped[bool] = mapped_column(server_default="false")
    active: Mapped[bool] = mapped_column(server_default="true")
    events: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    created_at: Mapped[CreatedAt]


class Outbox(Base):
    """Something to tell another system, kept until it has said that it heard. `key` lets it drop repetitions.

    `body` names the lead by id; names and addresses are read when it is posted, so none lie around here. About anything
    else it holds the `event` and its `data`, which name no person.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "next_at", postgresql_where=text("delivered_at IS NULL AND given_up_at IS NULL")),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    target: Mapped[str]
    body: Mapped[Document]
    created_at: Mapped[CreatedAt]
    next_at: Mapped[Moment]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    lease_until: Mapped[Moment | None]
    delivered_at: Mapped[Moment | None]
    given_up_at: Mapped[Moment | None]
    last_answer: Mapped[str | None]
