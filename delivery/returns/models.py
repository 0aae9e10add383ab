"""What came back, as it is kept: the mail by its digest, and what it says of each recipient."""

from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Id, text_enum
from delivery.returns.kinds import Action, ReturnClass


class Way(StrEnum):
    """How a mail came in."""

    RECEIVER = "receiver"
    MAILBOX = "mailbox"
    PIPE = "pipe"
    # A call of a provider, which was signed.
    WEBHOOK = "webhook"


class ReturnedMail(Base):
    """One mail that came back. The original is a proof (see `contacts.proofs`) under the same digest.

    `message_id` names our message when the mail could prove that it is about it, and is empty when it is not believed.
    `fault` says why the mail could not be read.
    """

    __tablename__ = "returned_mail"

    id: Mapped[Id]
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    received_at: Mapped[CreatedAt] = mapped_column(index=True)
    way: Mapped[Way] = mapped_column(text_enum(Way))
    size: Mapped[int]
    fault: Mapped[str | None]
    message_id: Mapped[int | None] = mapped_column(BigInteger, index=True)


class ReturnedRow(Base):
    """What one mail says about one recipient. Addresses in its reason are taken out.

    `address_id` is that of our message, where the mail is believed; `matches`: the mail names this very recipient.
    """

    __tablename__ = "returned"
    __table_args__ = (Index("ix_returned_address_id", "address_id", postgresql_where="address_id IS NOT NULL"),)

    id: Mapped[Id]
    mail_id: Mapped[int] = mapped_column(ForeignKey("returned_mail.id", ondelete="CASCADE"), index=True)
    address_id: Mapped[int | None] = mapped_column(BigInteger)
    matches: Mapped[bool]
    kind: Mapped[ReturnClass] = mapped_column("class", text_enum(ReturnClass))
    action: Mapped[Action | None] = mapped_column(text_enum(Action))
    status: Mapped[str | None]
    reply_code: Mapped[int | None] = mapped_column(SmallInteger)
    rule: Mapped[str | None]
    reason: Mapped[str | None]
