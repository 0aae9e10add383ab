"""E-mail templates and their versions. The HTML of our own user interface is called pages."""

from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, CreatedAt, Id, Moment, text_enum


class Markup(StrEnum):
    """What the body of a template is written in."""

    MJML = "mjml"
    HTML = "html"


class Template(Base):
    """A mail that can be written and rewritten; what goes out is one of its versions."""

    __tablename__ = "template"

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    created_at: Mapped[CreatedAt]
    archived_at: Mapped[Moment | None]


class TemplateVersion(Base):
    """One wording. Changed freely until a campaign uses it; from then on it is frozen."""

    __tablename__ = "template_version"
    __table_args__ = (UniqueConstraint("template_id", "number"),)

    id: Mapped[Id]
    template_id: Mapped[int] = mapped_column(ForeignKey("template.id"))
    number: Mapped[int]
    locale: Mapped[str]
    subject: Mapped[str]
    preheader: Mapped[str] = mapped_column(server_default="")
    markup: Mapped[Markup] = mapped_column(text_enum(Markup))
    body: Mapped[str]
    text: Mapped[str | None]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    author: Mapped[str]
    created_at: Mapped[CreatedAt]
    frozen_at: Mapped[Moment | None]
