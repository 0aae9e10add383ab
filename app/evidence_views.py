"""Evidence about a whole campaign: a worker makes the bundle while the page shows how far it is."""

from flask import Response, redirect, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.evidence import bundle_jobs
from app.evidence.models import BundleState
from app.views import routes
from campaigns import find
from core import audit
from core.db import transaction
from core.errors import NotFound
from core.permissions import Permission
from core.web import acting, needs, page


def _shown(name: str, code: str) -> str:
    with transaction() as session:
        campaign = find(session, code)
        made = bundle_jobs.bundles(session, campaign)
    waits = any(one.state in bundle_jobs.OPEN for one in made)
    there = {one.id for one in made if one.state is BundleState.DONE and bundle_jobs.file_of(one.id).is_file()}
    return page(name, campaign=campaign, made=made, waits=waits, there=there, days=bundle_jobs.KEPT.days)


@routes.get("/campaigns/<code>/evidence")
@needs(Permission.SEE_AUDIT)
def campaign_evidence(code: str) -> ResponseReturnValue:
    """The bundles about a campaign, and the form for another one."""
    return _shown("app/campaign_evidence.html", code)


@routes.get("/campaigns/<code>/evidence/progress")
@needs(Permission.SEE_AUDIT)
def campaign_evidence_progress(code: str) -> ResponseReturnValue:
    """The part of the page that asks again every second until every bundle is made."""
    return _shown("app/campaign_evidence_list.html", code)


@routes.post("/campaigns/<code>/evidence")
@needs(Permission.SEE_AUDIT)
def make_campaign_evidence(code: str) -> ResponseReturnValue:
    """Have a bundle made. With addresses in clear it is an export of contacts."""
    with_addresses = bool(request.form.get("with_addresses"))
    if with_addresses:
        acting().require(Permission.EXPORT_CONTACTS)
    with transaction() as session:
        campaign = find(session, code)
        bundle_jobs.ask(session, campaign, with_addresses=with_addresses, actor=acting())
    return redirect(url_for("app.campaign_evidence", code=campaign.code))


@routes.post("/campaigns/<code>/evidence/<int:bundle_id>")
@needs(Permission.SEE_AUDIT)
def take_campaign_evidence(code: str, bundle_id: int) -> ResponseReturnValue:
    """The bundle as one ZIP file. A POST, because taking it is written down."""
    with transaction() as session:
        campaign = find(session, code)
        job = bundle_jobs.find(session, campaign, bundle_id)
        if job.with_addresses:
            acting().require(Permission.EXPORT_CONTACTS)
        path = bundle_jobs.file_of(job.id)
        if not path.is_file():
            raise NotFound("bundle_gone", _("The file is not there any more."), _("Have another bundle made."))
        audit.record(
            session,
            actor=acting().email,
            user_id=acting().id,
            action="evidence.taken",
            object_type="campaign",
            object_id=campaign.id,
            bundle=job.id,
            with_addresses=job.with_addresses,
        )
    answer: Response = send_file(
        path, mimetype="application/zip", as_attachment=True, download_name=f"evidence-{campaign.code}.zip"
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer
