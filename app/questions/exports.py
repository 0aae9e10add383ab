"""Who took addresses out of the house, how many, when: every file that left, by one look at the audit log.

Each way out writes an action that ends in `.export` with the number of its rows. A file of people for a call centre, a
bundle of evidence, a list taken as CSV: they all stand here.
"""

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, func, not_, or_, select
from sqlalchemy.orm import Session

from app.questions.audit_log import CAMPAIGN
from core import days
from core.audit import AuditEvent
from core.tables import Column, Table, contains

# What leaves under another name: rows that were refused at an import, a bundle that was made before, a scanned paper.
OTHERS = ("consent.scan_open", "evidence.taken", "import.rejected_taken")
# Files in which people can be found by address or name; the others are lists of segments, users, rules and so on.
WITH_PEOPLE = (
    "blocks.export", "channel.export", "consent.scan_open", "consents.export", "contacts.export", "decisions.export",
    "evidence.export", "evidence.taken", "import.rejected_taken", "incident.export", "leads.export", "person.export",
    "suppression.export",
)  # fmt: skip

is_export: ColumnElement[bool] = or_(AuditEvent.action.endswith(".export"), AuditEvent.action.in_(OTHERS))
# What is given out about one person is about one, however many pages it has.
ABOUT_ONE = and_(
    AuditEvent.action.in_(("consent.scan_open", "evidence.export", "person.export")),
    AuditEvent.object_type != "campaign",
)
HOW_MANY: ColumnElement[int | None] = func.coalesce(
    cast(func.coalesce(AuditEvent.details["rows"].astext, AuditEvent.details["people"].astext), BigInteger),
    case((ABOUT_ONE, 1)),
)
# In the bundle of a campaign people stand by number only, unless whoever had it made asked for more.
_BY_NUMBER = func.coalesce(AuditEvent.details["with_addresses"].astext, "true") == "false"
PEOPLE: ColumnElement[str] = case((and_(AuditEvent.action.in_(WITH_PEOPLE), not_(_BY_NUMBER)), "yes"), else_="no")
# Of a file for another channel, its number; of a list, its name; else what it was about.
WHAT: ColumnElement[str] = func.coalesce(AuditEvent.details["export"].astext, CAMPAIGN, AuditEvent.object_type)


def source() -> Select[Any]:
    """Everything that left as a file."""
    return select(AuditEvent).where(is_export)


def table() -> Table:
    """Columns of the report."""
    return Table(
        columns=(
            Column("id", _("No."), AuditEvent.id, number=True),
            Column("at", _("When"), AuditEvent.at),
            Column("actor", _("Who"), AuditEvent.actor),
            Column("action", _("What"), AuditEvent.action, sortable=False),
            Column("what", _("Which"), WHAT, sortable=False),
            Column("rows", _("How many"), HOW_MANY, sortable=False, number=True),
            Column("people", _("Names people"), PEOPLE, sortable=False, choices={"yes": _("yes"), "no": _("no")}),
        ),
        hidden=(
            Column("object_type", _("To what"), AuditEvent.object_type),
            Column("object_id", _("Object"), AuditEvent.object_id),
            Column("details", _("Details"), AuditEvent.details),
        ),
        key=AuditEvent.id,
        sort="id",
        export="app.export_exports",
        descending=True,
        search=contains(AuditEvent.actor, AuditEvent.action, AuditEvent.details["export"].astext),
        moment=AuditEvent.at,
    )


def totals(session: Session) -> list[dict[str, Any]]:
    """By person: how many files that name people, and how many rows they had in all; the most first."""
    rows = session.execute(
        select(AuditEvent.actor, func.count(), func.sum(HOW_MANY), func.max(AuditEvent.at))
        .where(is_export, PEOPLE == "yes")
        .group_by(AuditEvent.actor)
        .order_by(func.sum(HOW_MANY).desc().nulls_last())
    )
    return [{"who": who, "files": files, "rows": many or 0, "last_at": last} for who, files, many, last in rows]


def rows(session: Session, *, by: str | None, asked: dict[str, str | None]) -> list[dict[str, Any]]:
    """The report for the command, the newest first."""
    names = ("at", "who", "action", "what", "rows", "people", "object_id")
    query = (
        select(AuditEvent.at, AuditEvent.actor, AuditEvent.action, WHAT, HOW_MANY, PEOPLE, AuditEvent.object_id)
        .where(is_export, *days.between(AuditEvent.at, days.chosen(asked)))
        .order_by(AuditEvent.id.desc())
    )
    if by:
        query = query.where(AuditEvent.actor == by.strip().lower())
    return [
        dict(zip(names, row, strict=True)) | {"people": row[names.index("people")] == "yes"}
        for row in session.execute(query)
    ]
