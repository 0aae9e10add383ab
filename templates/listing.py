"""Templates and their versions as lists, for pages."""

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.sentences import say
from core.tables import Column, Table, contains
from templates.models import Template, TemplateVersion

_number = select(func.max(TemplateVersion.number)).where(TemplateVersion.template_id == Template.id).scalar_subquery()
_subject = (
    select(TemplateVersion.subject)
    .where(TemplateVersion.template_id == Template.id)
    .order_by(TemplateVersion.number.desc())
    .limit(1)
    .scalar_subquery()
)


def table() -> Table:
    """The columns of the list."""
    return Table(
        columns=(
            Column("code", _("Code"), Template.code),
            Column("name", _("Name"), Template.name),
            Column("subject", _("Subject"), _subject, sortable=False),
            Column("version", _("Version"), _number, sortable=False, number=True),
            Column("created_at", _("Since"), Template.created_at),
        ),
        key=Template.id,
        sort="code",
        export="templates.export",
        search=contains(Template.code, Template.name),
    )


def source() -> Select[Any]:
    """Templates that are in use."""
    return select(Template).where(Template.archived_at.is_(None))


def named(session: Session, code: str) -> Template:
    """The template with this code."""
    template = session.scalar(select(Template).where(Template.code == code))
    if template is None:
        raise NotFound("template_unknown", say("There is no template %(code)s.", code=repr(code)))
    return template


def versions(session: Session, *, template_id: int) -> list[TemplateVersion]:
    """All versions, newest first."""
    wanted = select(TemplateVersion).where(TemplateVersion.template_id == template_id)
    return list(session.scalars(wanted.order_by(TemplateVersion.number.desc())))


def version(session: Session, *, code: str, number: int) -> TemplateVersion:
    """One version of one template."""
    found = session.scalar(
        select(TemplateVersion).where(
            TemplateVersion.template_id == named(session, code).id, TemplateVersion.number == number
        )
    )
    if found is None:
        raise NotFound("version_unknown", say("Template %(code)s has no version %(number)s.", code=code, number=number))
    return found
