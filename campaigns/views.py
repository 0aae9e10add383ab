"""Campaigns: the list, one of them, planning and changing one."""

from flask import make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns import reading
from campaigns.approval_views import labels
from campaigns.approved import changes
from campaigns.files_made import files_made
from campaigns.notes import local
from campaigns.results import report
from campaigns.risks import still_needed
from campaigns.service import EDITABLE, find
from campaigns.states import CampaignState
from core.db import transaction
from core.errors import CrusoeError
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.web import blueprint, framed_mail, needs, page
from templates import preview, recalled_finding

routes = blueprint("campaigns", url_prefix="/campaigns")


@routes.get("/")
@needs(Permission.SEE_CAMPAIGNS)
def index() -> ResponseReturnValue:
    """All campaigns, latest first."""
    listing = listed(reading.table(_states()), reading.source())
    return page("campaigns/list.html", listing=listing)


@routes.post("/export")
@needs(Permission.SEE_CAMPAIGNS)
def export() -> ResponseReturnValue:
    """What the list shows as CSV."""
    return table_as_csv(reading.table(_states()), reading.source(), name="campaigns")


def _states() -> dict[str, str]:
    """What the states are called, in the words of the badges beside them."""
    words = {
        CampaignState.DRAFT: _("draft"),
        CampaignState.CHECKED: _("checked"),
        CampaignState.SUBMITTED: _("waiting for approval"),
        CampaignState.APPROVED: _("approved"),
        CampaignState.SCHEDULED: _("scheduled"),
        CampaignState.SENDING: _("sending"),
        CampaignState.PAUSED: _("paused"),
        CampaignState.DONE: _("done"),
        CampaignState.CANCELLED: _("cancelled"),
    }
    return {state.value: words[state] for state in CampaignState}


@routes.get("/<code>")
@needs(Permission.SEE_CAMPAIGNS)
def show(code: str) -> ResponseReturnValue:
    """One campaign: what is planned, what the check said, who agreed, what became of it."""
    return show_page(code)


def show_page(code: str, error: CrusoeError | None = None) -> str:
    """The page of one campaign, with a complaint about what was just tried."""
    with transaction() as session:
        campaign = find(session, code)
        found = reading.detail(session, campaign)
        launched = campaign.run_id is not None
        checked = campaign.check_result or {}
        return page(
            "campaigns/show.html",
            found=found,
            campaign=campaign,
            checked=checked,
            findings=[recalled_finding(one) for one in checked.get("findings", [])],
            samples=reading.named_samples(session, checked.get("samples", {})),
            numbers=report(session, campaign=campaign, clock=local) if launched else None,
            series=reading.answers_by_hour(session, run_id=campaign.run_id) if campaign.run_id else None,
            editable=campaign.state in EDITABLE,
            changed=changes(session, campaign) if campaign.state is CampaignState.SUBMITTED else None,
            labels=labels(),
            needed=still_needed(session, campaign) if campaign.state is CampaignState.SUBMITTED else [],
            files=files_made(session, campaign_id=campaign.id),
            error=error,
        )


@routes.get("/<code>/progress")
@needs(Permission.SEE_CAMPAIGNS)
def progress(code: str) -> ResponseReturnValue:
    """How far it is: the part of the page that asks again every two seconds while something moves."""
    with transaction() as session:
        campaign = find(session, code)
        numbers = report(session, campaign=campaign, clock=local)
        part = make_response(page("campaigns/progress.html", campaign=campaign, numbers=numbers))
    if request.args.get("state") != campaign.state:
        # The buttons around this part belong to the state of before.
        part.headers["HX-Refresh"] = "true"
    return part


@routes.get("/<code>/mail")
@needs(Permission.SEE_CAMPAIGNS)
def mail(code: str) -> ResponseReturnValue:
    """The wording as an invented recipient would get it, for a frame."""
    with transaction() as session:
        version = reading.detail(session, find(session, code)).version
        try:
            return framed_mail(preview(session, version=version).html)
        except CrusoeError as error:
            return framed_mail(page("templates/broken.html", error=error))
