"""Who runs the mailboxes, what is left of each limit, and what came of every batch."""

from datetime import date

from sqlalchemy import BigInteger, Date, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Id, Moment

# Of `pace`: what holds for a sender as a whole, and for all its ways out.
ALL_OPERATORS = -1
ANY_TRANSPORT = 0


class MailOperator(Base):
    """Who runs mailboxes. Numbers below 1000 stand in `operators.tsv`; others are single domains that had to rest."""

    __tablename__ = "mail_operator"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    learned_at: Mapped[Moment | None]


class OperatorDomain(Base):
    """Whose mailboxes those of a domain are."""

    __tablename__ = "operator_domain"

    domain: Mapped[str] = mapped_column(primary_key=True)
    operator: Mapped[int] = mapped_column(ForeignKey("mail_operator.id", ondelete="CASCADE"), index=True)


class ClockZone(Base):
    """A time zone by which people live, with a number that fits into the ledger."""

    __tablename__ = "clock_zone"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(unique=True)


class RunShare(Base):
    """How many messages of a run were planned for an operator and a time zone: batches are mixed by it."""

    __tablename__ = "run_share"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    zone: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    operator: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    planned: Mapped[int] = mapped_column(BigInteger)


class Pace(Base):
    """What is left of the limits of a sender towards an operator, or of one of its ways out; and whether it rests.

    All workers reserve their share on these rows. `hour` and `day` are those of the clock (UTC) that are counted.
    """

    __tablename__ = "pace"

    sender_id: Mapped[int] = mapped_column(ForeignKey("sender.id", ondelete="CASCADE"), primary_key=True)
    transport_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default="0")
    operator: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    tokens: Mapped[float | None]
    counted_at: Mapped[Moment | None]
    hour_used: Mapped[int] = mapped_column(server_default="0")
    day_used: Mapped[int] = mapped_column(server_default="0")
    paused_until: Mapped[Moment | None]
    pauses: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    paused_text: Mapped[str | None]


class Tally(Base):
    """What came of one batch for one operator; `listed`: the gate refused it for a list or an opt-out.

    Only ever added, and summed up soon, so that no worker waits for it.
    """

    __tablename__ = "tally"
    __table_args__ = (Index(None, "run_id"),)

    id: Mapped[Id]
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    operator: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[CreatedAt]
    accepted: Mapped[int]
    put_off: Mapped[int]
    slowed: Mapped[int]
    hard: Mapped[int]
    policy: Mapped[int]
    unknown: Mapped[int]
    listed: Mapped[int]


class DayTally(Base):
    """The same of a run and a day."""

    __tablename__ = "day_tally"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    operator: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    accepted: Mapped[int] = mapped_column(BigInteger)
    put_off: Mapped[int] = mapped_column(BigInteger)
    slowed: Mapped[int] = mapped_column(BigInteger)
    hard: Mapped[int] = mapped_column(BigInteger)
    policy: Mapped[int] = mapped_column(BigInteger)
    unknown: Mapped[int] = mapped_column(BigInteger)
    listed: Mapped[int] = mapped_column(BigInteger)


class MailDomain(Base):
    """A domain of recipients that `operators.tsv` does not name: who runs its mailboxes, by its MX records.

    `people` is how many addresses it has, so that large ones are asked about first. `answered_at` is how old the answer
    is; `operator` and `host` are absent where the answer was that nobody we know runs it.
    """

    __tablename__ = "mail_domain"

    domain: Mapped[str] = mapped_column(primary_key=True)
    people: Mapped[int] = mapped_column(BigInteger)
    operator: Mapped[int | None] = mapped_column(SmallInteger)
    host: Mapped[str | None]
    answered_at: Mapped[Moment | None]
    failures: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    next_at: Mapped[CreatedAt] = mapped_column(index=True)


class MailDomainSweep(Base):
    """Up to which endpoint domains were gathered, and when all of them were last. One row."""

    __tablename__ = "mail_domain_sweep"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    up_to: Mapped[int] = mapped_column(BigInteger)
    whole_at: Mapped[Moment]
