"""The audit log, and the check that nobody touched the evidence."""

from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.evidence import time_stamps
from app.evidence.stamp_check import verify_everything
from app.questions import audit_log as log
from app.views import routes
from core.audit import AuditEvent
from core.db import transaction
from core.evidence import Finding
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.web import needs, page


def _listing(findings: list[Finding] | None = None) -> str:
    listing = listed(log.table(), select(AuditEvent))
    with transaction() as session:
        stamps = time_stamps.standing(session)
    return page("app/audit.html", listing=listing, findings=findings, stamps=stamps)


@routes.get("/audit")
@needs(Permission.SEE_AUDIT)
def audit_log() -> ResponseReturnValue:
    """What people did, latest first."""
    return _listing()


@routes.post("/audit/export")
@needs(Permission.SEE_AUDIT)
def export_audit() -> ResponseReturnValue:
    """What the list shows as CSV."""
    return table_as_csv(log.table(), select(AuditEvent), name="audit")


@routes.post("/audit/verify")
@needs(Permission.SEE_AUDIT)
def verify() -> ResponseReturnValue:
    """Recompute every seal and check every anchor. A POST: it reads all evidence, and no link should set it off."""
    with transaction() as session:
        findings = verify_everything(session)
    return _listing(findings)
