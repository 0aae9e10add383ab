"""Who must not be written to, the lists that say so, the rules in force, and every decision made."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, ENUM
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from core.db import Base, CreatedAt, Document, Id, Moment, text_enum
from core.evidence import Beside, Chain, register

# Tables of files of their own, reached through this one.
from suppression.journal_gaps import JournalGap as JournalGap  # noqa: PLC0414
from suppression.journal_watch import JournalPosition as JournalPosition  # noqa: PLC0414


class Cause(StrEnum):
    """Why an entry stands in the suppression list."""

    OPTED_OUT = "opted_out"
    COMPLAINT = "complaint"
    HARD_BOUNCE = "hard_bounce"
    INTERNAL_BLOCK = "internal_block"
    DECEASED = "deceased"
    # The person asked that the data be kept but not used (Art. 18 GDPR).
    RESTRICTED = "restricted"
    MINOR = "minor"
    # A complaint or a service case of the person is being worked on.
    CASE_OPEN = "case_open"


class Stage(StrEnum):
    """When a decision was made."""

    PLAN = "plan"
    GATE = "gate"
    # A file for a call centre, a print shop, a gateway for text messages.
    EXPORT = "export"


class VersionState(StrEnum):
    """Where a version of an external list is in its life."""

    LOADING = "loading"
    ACTIVE = "active"
    REPLACED = "replaced"
    REMOVED = "removed"


class SuppressionEntry(Base):
    """One reason not to write to an address, to a whole domain or to a company. Never updated, never deleted.

    An absent channel, purpose or controller means all of them; an absent `until`, for good. `below`: the spellings of a
    domain whose sub-domains are meant as well, in clear, since nothing tells from a keyed hash what lies above it.
    `reference` names the entry in the journal, where the id of a database that was lost means nothing.
    """

    __tablename__ = "suppression_entry"
    __table_args__ = (
        CheckConstraint("num_nonnulls(address_id, domain_key, company_id) = 1", name="address_or_domain"),
        Index("ix_suppression_entry_case", "source", postgresql_where=text("cause = 'case_open'")),
        # Every segment leaves out whose data may not be used; they are few among many entries.
        Index("ix_suppression_entry_restricted", "address_id", postgresql_where=text("cause = 'restricted'")),
    )

    id: Mapped[Id]
    reference: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    address_id: Mapped[int | None] = mapped_column(ForeignKey("address.id"), index=True)
    domain_key: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    below: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id"), index=True)
    channel: Mapped[str | None]
    purpose: Mapped[str | None]
    controller_id: Mapped[int | None] = mapped_column(ForeignKey("controller.id"))
    cause: Mapped[Cause] = mapped_column(text_enum(Cause))
    at: Mapped[Moment]
    until: Mapped[Moment | None]
    source: Mapped[str]
    evidence: Mapped[Document] = mapped_column(server_default="{}")
    recorded_at: Mapped[CreatedAt]


class SuppressionLift(Base):
    """An entry that no longer counts, because a second person agreed to a reason. Never updated, never deleted."""

    __tablename__ = "suppression_lift"
    __table_args__ = (CheckConstraint("lower(asked_by) <> lower(agreed_by)", name="two_people"),)

    entry_id: Mapped[int] = mapped_column(ForeignKey("suppression_entry.id"), primary_key=True)
    at: Mapped[CreatedAt]
    asked_by: Mapped[str]
    agreed_by: Mapped[str]
    reason: Mapped[str]


class ListVersion(Base):
    """One published state of an external do-not-contact list."""

    __tablename__ = "list_version"
    __table_args__ = (
        Index("uq_list_version_active", "list_id", unique=True, postgresql_where=text("state = 'active'")),
    )

    id: Mapped[Id]
    list_id: Mapped[str] = mapped_column(index=True)
    state: Mapped[VersionState] = mapped_column(text_enum(VersionState))
    published_at: Mapped[Moment]
    fetched_at: Mapped[CreatedAt]
    activated_at: Mapped[Moment | None]
    records: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    fetched_by: Mapped[str]
    source_note: Mapped[str | None]
    # Why it took the place of another; of the first version there may be none.
    reason: Mapped[str | None]
    # Every endpoint with an id up to this one was looked up in this version.
    matched_up_to: Mapped[int] = mapped_column(BigInteger, server_default="0")
    # How the file was read; matching needs it. What changed against the version before: counts, kept as evidence.
    reading: Mapped[Document] = mapped_column(server_default="{}")
    changes: Mapped[Document] = mapped_column(server_default="{}")
    replaces: Mapped[int | None] = mapped_column(BigInteger)
    # Compliance said that it must not be relied on any longer, whatever its age.
    expired_at: Mapped[Moment | None]


class ListRecord(Base):
    """One digest of one version, as the operator published it."""

    __tablename__ = "list_record"

    version_id: Mapped[int] = mapped_column(ForeignKey("list_version.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class ListHit(Base):
    """An address of ours that a version names, itself or by its domain; derived, so that plans need no anti-join."""

    __tablename__ = "list_hit"

    address_id: Mapped[int] = mapped_column(ForeignKey("address.id"), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("list_version.id", ondelete="CASCADE"), primary_key=True)
    by_domain: Mapped[bool]


class ListCheck(Base):
    """One request to the service of a list operator: when, how many, and the digests of what was asked and answered."""

    __tablename__ = "list_check"

    id: Mapped[Id]
    version_id: Mapped[int] = mapped_column(ForeignKey("list_version.id", ondelete="CASCADE"), index=True)
    at: Mapped[CreatedAt]
    asked: Mapped[int]
    listed: Mapped[int]
    request_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    answer_sha256: Mapped[bytes] = mapped_column(LargeBinary)


class ListAsked(Base):
    """An address about which a service was asked, listed or not. `proofs`: what it signed, where it signs."""

    __tablename__ = "list_asked"

    version_id: Mapped[int] = mapped_column(ForeignKey("list_version.id", ondelete="CASCADE"), primary_key=True)
    address_id: Mapped[int] = mapped_column(ForeignKey("address.id"), primary_key=True)
    check_id: Mapped[int | None] = mapped_column(ForeignKey("list_check.id", ondelete="CASCADE"), index=True)
    proofs: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class RuleSet(Base):
    """A version of the rule settings, as it was proposed. Never updated, never deleted."""

    __tablename__ = "rule_set"

    id: Mapped[Id]
    settings: Mapped[Document]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    proposed_at: Mapped[CreatedAt]
    proposed_by: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="")


class RuleActivation(Base):
    """A version was put into force. The newest row says which one is. Never updated, never deleted."""

    __tablename__ = "rule_activation"

    id: Mapped[Id]
    rule_set_id: Mapped[int] = mapped_column(ForeignKey("rule_set.id"))
    at: Mapped[CreatedAt]
    activated_by: Mapped[str]


class DecisionContext(Base):
    """What all decisions of one batch rest on: purpose, rules and list versions, moment, transaction."""

    __tablename__ = "decision_context"

    batch_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    stage: Mapped[Stage] = mapped_column(text_enum(Stage))
    channel: Mapped[str]
    purpose: Mapped[str]
    topic: Mapped[str | None]
    controller_id: Mapped[int] = mapped_column(ForeignKey("controller.id"))
    rules_version: Mapped[int] = mapped_column(ForeignKey("rule_set.id"))
    list_versions: Mapped[Document]
    decided_at: Mapped[CreatedAt]
    # The database compares this with its own transaction id when a message is handed over.
    transaction: Mapped[int] = mapped_column(BigInteger, server_default=text("txid_current()"))


class StoredDecision(Base):
    """A verdict on one message with the evidence it rests on. Never updated, never deleted."""

    __tablename__ = "decision"
    __table_args__ = (
        Index(None, "message_id"),
        Index(None, "batch_id"),
        # Decisions about messages are found through the messages; what other systems asked has none.
        Index("ix_decision_reserved", "address_id", postgresql_where=text("message_id IS NULL")),
    )

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(BigInteger)
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    address_id: Mapped[int] = mapped_column(BigInteger)
    verdict: Mapped[str] = mapped_column(ENUM("send", "hold", "block", name="verdict"))
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    basis: Mapped[str | None]
    consent_id: Mapped[int | None] = mapped_column(BigInteger)
    purchase_id: Mapped[int | None] = mapped_column(BigInteger)
    entry_id: Mapped[int | None] = mapped_column(BigInteger)
    list_version_id: Mapped[int | None] = mapped_column(BigInteger)


CHAIN = register(
    Chain(
        name="decision",
        table="decision",
        columns=(
            "id", "message_id", "address_id", "verdict", "reasons", "basis",
            "consent_id", "purchase_id", "entry_id", "list_version_id",
        ),
        beside=Beside(
            table="decision_context",
            columns=(
                "stage", "channel", "purpose", "topic", "controller_id", "rules_version", "list_versions", "decided_at",
            ),
        ),
    )
)  # fmt: skip
