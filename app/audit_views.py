"""The audit log, and the check that nobody touched the evidence."""

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, String, and_, cast, or_, select

from app.views import routes
from campaigns.models import Campaign
from core import tables
from core.audit import AuditEvent
from core.db import transaction
from core.evidence import Finding
from core.evidence_anchor_check import verify as verify_everything
from core.exporting import table_as_csv
from core.permissions import Permission
from core.tables import Column, Table, contains
from core.web import needs, page

# Actions name a campaign by its number, which is for ever; people know it by its code.
_campaign = (
    select(Campaign.code)
    .where(AuditEvent.object_type == "campaign", cast(Campaign.id, String) == AuditEvent.object_id)
    .correlate(AuditEvent)
    .scalar_subquery()
)
_words = contains(AuditEvent.actor, AuditEvent.action, AuditEvent.object_type, AuditEvent.object_id, AuditEvent.reason)


def _search(words: str) -> ColumnElement[bool]:
    named = select(cast(Campaign.id, String)).where(Campaign.code.icontains(words, autoescape=True))
    return or_(_words(words), and_(AuditEvent.object_type == "campaign", AuditEvent.object_id.in_(named)))


def _table() -> Table:
    return Table(
        columns=(
            Column("id", _("No."), AuditEvent.id, number=True),
            Column("at", _("When"), AuditEvent.at),
            Column("actor", _("Who"), AuditEvent.actor),
            Column("action", _("Did what"), AuditEvent.action),
            Column("object_type", _("To what"), AuditEvent.object_type),
            Column("reason", _("Why"), AuditEvent.reason, sortable=False),
        ),
        hidden=(
            Column("object_id", _("Which"), AuditEvent.object_id),
            Column("details", _("Details"), AuditEvent.details),
            Column("campaign", _("Campaign"), _campaign),
        ),
        key=AuditEvent.id,
        sort="id",
        export="app.export_audit",
        descending=True,
        search=_search,
    )


def _listing(findings: list[Finding] | None = None) -> str:
    table = _table()
    with transaction() as session:
        listing = tables.read(session, table, select(AuditEvent), tables.ask(table, request.args))
    return page("app/audit.html", listing=listing, findings=findings)


@routes.get("/audit")
@needs(Permission.SEE_AUDIT)
def audit_log() -> ResponseReturnValue:
    """What people did, latest first."""
    return _listing()


@routes.post("/audit/export")
@needs(Permission.SEE_AUDIT)
def export_audit() -> ResponseReturnValue:
    """What the list shows as CSV."""
    return table_as_csv(_table(), select(AuditEvent), name="audit")


@routes.post("/audit/verify")
@needs(Permission.SEE_AUDIT)
def verify() -> ResponseReturnValue:
    """Recompute every seal and check every anchor. A POST: it reads all evidence, and no link should set it off."""
    with transaction() as session:
        findings = verify_everything(session)
    return _listing(findings)
