"""The audit log, narrowed: by kind of object and the object itself, by days, by words; for the page and the command."""

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, String, and_, cast, or_, select
from sqlalchemy.orm import Session

from app.wording import WORDS
from campaigns.models import Campaign
from core import days
from core.audit import AuditEvent
from core.tables import Column, Table, contains

MOST = 10_000

# Actions name a campaign by its number, which is for ever; people know it by its code.
CAMPAIGN = (
    select(Campaign.code)
    .where(AuditEvent.object_type == "campaign", cast(Campaign.id, String) == AuditEvent.object_id)
    .correlate(AuditEvent)
    .scalar_subquery()
)
_words = contains(AuditEvent.actor, AuditEvent.action, AuditEvent.object_type, AuditEvent.object_id, AuditEvent.reason)


def _search(words: str) -> ColumnElement[bool]:
    named = select(cast(Campaign.id, String)).where(Campaign.code.icontains(words, autoescape=True))
    return or_(_words(words), and_(AuditEvent.object_type == "campaign", AuditEvent.object_id.in_(named)))


def table() -> Table:
    """Columns of the page."""
    return Table(
        columns=(
            Column("id", _("No."), AuditEvent.id, number=True),
            Column("at", _("When"), AuditEvent.at),
            Column("actor", _("Who"), AuditEvent.actor),
            Column("action", _("Did what"), AuditEvent.action),
            Column("object_type", _("To what"), AuditEvent.object_type, choices=_kinds()),
            Column("reason", _("Why"), AuditEvent.reason, sortable=False),
        ),
        hidden=(
            Column("object_id", _("Which"), AuditEvent.object_id, exact=True),
            Column("details", _("Details"), AuditEvent.details),
            Column("campaign", _("Campaign"), CAMPAIGN),
        ),
        key=AuditEvent.id,
        sort="id",
        export="app.export_audit",
        descending=True,
        search=_search,
        moment=AuditEvent.at,
    )


def _kinds() -> dict[str, str]:
    return dict(sorted(((code, str(word.label)) for code, word in WORDS["object"].items()), key=lambda one: one[1]))


def events(
    session: Session, *, action: str | None, about: str | None, by: str | None, asked: dict[str, str | None]
) -> list[dict[str, Any]]:
    """Actions, the newest first. `action` may end with `*`; `about` is `TYPE` or `TYPE:ID`; a campaign also by code."""
    query = select(AuditEvent, CAMPAIGN.label("campaign")).where(
        *days.between(AuditEvent.at, days.chosen(asked)), *_about(about or "")
    )
    if action:
        stem = action.removesuffix("*")
        named = AuditEvent.action.startswith(stem, autoescape=True) if action != stem else AuditEvent.action == action
        query = query.where(named)
    if by:
        query = query.where(AuditEvent.actor == by.strip().lower())
    rows = session.execute(query.order_by(AuditEvent.id.desc()).limit(MOST))
    return [_plain(event) | ({"campaign": campaign} if campaign else {}) for event, campaign in rows]


def _about(words: str) -> list[ColumnElement[bool]]:
    kind, _, number = words.partition(":")
    found: list[ColumnElement[bool]] = [AuditEvent.object_type == kind] if kind else []
    if number:
        found.append(
            or_(AuditEvent.object_id == number, and_(AuditEvent.object_type == "campaign", CAMPAIGN.in_([number])))
        )
    return found


def _plain(event: AuditEvent) -> dict[str, Any]:
    names = ("id", "at", "actor", "action", "object_type", "object_id", "reason", "details")
    return {name: getattr(event, name) for name in names}
