"""People, their addresses, what they bought, and the fields a company keeps about them."""

from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from contacts.role_accounts import IS_ROLE_ACCOUNT
from core.db import Base, CreatedAt, Document, Id, Moment, text_enum


class Kind(StrEnum):
    """Whether somebody is written to as a private person or as a business: the rules differ."""

    B2C = "b2c"
    B2B = "b2b"


class Channel(StrEnum):
    """A way to reach somebody."""

    EMAIL = "email"
    SMS = "sms"
    PHONE = "phone"
    POST = "post"


class TrackingLevel(StrEnum):
    """How much of a person's reading may be recorded; the person decides, `none` until then."""

    NONE = "none"
    AGGREGATE = "aggregate"
    INDIVIDUAL = "individual"


class FieldType(StrEnum):
    """What a custom field holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    CHOICE = "choice"


class Controller(Base):
    """A legal entity or brand that writes, with what the law wants to stand below a mail."""

    __tablename__ = "controller"

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    imprint: Mapped[str]
    country: Mapped[str]
    privacy_url: Mapped[str | None]


class Company(Base):
    """The employer or account of business contacts."""

    __tablename__ = "company"

    id: Mapped[Id]
    name: Mapped[str]
    domain: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[CreatedAt]


class FieldDefinition(Base):
    """A custom field of contacts: its name in segments and templates, and its type."""

    __tablename__ = "field_definition"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    label: Mapped[str]
    type: Mapped[FieldType] = mapped_column(text_enum(FieldType))
    choices: Mapped[Document | None]


class Contact(Base):
    """One person. `number` is the customer number of the system the person comes from."""

    __tablename__ = "contact"
    __table_args__ = (CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),)

    id: Mapped[Id]
    number: Mapped[str | None] = mapped_column(unique=True)
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    language: Mapped[str | None]
    country: Mapped[str | None]
    kind: Mapped[Kind] = mapped_column(text_enum(Kind), default=Kind.B2C)
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id"), index=True)
    fields: Mapped[Document] = mapped_column(server_default="{}")
    source: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class Address(Base):
    """What stands for an address everywhere else: a keyed hash. Never deleted, and the row that opt-outs lock."""

    __tablename__ = "address"

    id: Mapped[Id]
    key: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    domain_key: Mapped[bytes] = mapped_column(LargeBinary, index=True)
    key_id: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    created_at: Mapped[CreatedAt]


class Endpoint(Base):
    """The address of a contact on one channel, in clear, because people search for it.

    `role_account`: it is one of a desk such as info@, not of a person.
    """

    __tablename__ = "endpoint"
    __table_args__ = (
        UniqueConstraint("channel", "address_id"),
        Index("ix_endpoint_role_account", "id", postgresql_where=text("role_account")),
    )

    id: Mapped[Id]
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    channel: Mapped[Channel] = mapped_column(text_enum(Channel))
    address_id: Mapped[int] = mapped_column(ForeignKey("address.id"))
    value: Mapped[str]
    role_account: Mapped[bool] = mapped_column(Computed(IS_ROLE_ACCOUNT, persisted=True))
    created_at: Mapped[CreatedAt]


class PurchaseKind(StrEnum):
    """An order, or an inquiry that may lead to one: some laws take both for a business relationship."""

    ORDER = "order"
    INQUIRY = "inquiry"


class Purchase(Base):
    """An order or an inquiry, as proof that somebody is a customer.

    `objection_notice_shown`: the right to object was pointed out when the address was collected; `notice_version` names
    the form or receipt on which it stood. `controller_id`: who sold; absent, the first controller.
    """

    __tablename__ = "purchase"

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[PurchaseKind] = mapped_column(text_enum(PurchaseKind), server_default="order")
    controller_id: Mapped[int | None] = mapped_column(ForeignKey("controller.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    ordered_at: Mapped[Moment]
    category: Mapped[str | None]
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    currency: Mapped[str] = mapped_column(server_default="EUR")
    objection_notice_shown: Mapped[bool]
    notice_version: Mapped[str | None]


class RecipientChoice(Base):
    """What a recipient decided on the preference page: topics, pause, language, how much may be tracked.

    `profiling` off: the person objected to being scored and chosen by what they read (Art. 21(2) GDPR).
    """

    __tablename__ = "recipient_choice"

    address_id: Mapped[int] = mapped_column(ForeignKey("address.id"), primary_key=True)
    tracking: Mapped[TrackingLevel] = mapped_column(text_enum(TrackingLevel), server_default="none")
    language: Mapped[str | None]
    paused_until: Mapped[Moment | None]
    most_per_month: Mapped[int | None] = mapped_column(SmallInteger)
    topics_off: Mapped[Document] = mapped_column(server_default="[]")
    profiling: Mapped[bool] = mapped_column(server_default="true")
    changed_at: Mapped[CreatedAt]
