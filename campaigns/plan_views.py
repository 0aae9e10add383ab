"""Planning a campaign: the form, filled in or empty."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from campaigns import reading
from campaigns.models import Campaign
from campaigns.service import Plan, find, save
from campaigns.views import routes
from contacts.models import TrackingLevel
from core.codes import require_code
from core.days import here
from core.db import transaction
from core.errors import CrusoeError, WrongInput
from core.permissions import Permission
from core.web import acting, needs, page

_FIELDS = ("code", "name", "segment", "template", "sender", "topic", "tracking", "scheduled_at")
NEW = dict.fromkeys((*_FIELDS, "hours", "zone", "until", "most_late"), "") | {"purpose": "newsletter"}


@routes.get("/new")
@needs(Permission.EDIT_CAMPAIGNS)
def new() -> ResponseReturnValue:
    """The form, empty."""
    return _form(NEW, stored=None)


@routes.post("/new")
@needs(Permission.EDIT_CAMPAIGNS)
def create() -> ResponseReturnValue:
    """Plan a new campaign."""
    return _store(stored=None)


@routes.get("/<code>/edit")
@needs(Permission.EDIT_CAMPAIGNS)
def edit(code: str) -> ResponseReturnValue:
    """The form with a campaign."""
    with transaction() as session:
        found = reading.detail(session, find(session, code))
    campaign = found.campaign
    values = {name: getattr(campaign, name) for name in ("code", "name", "purpose")}
    values |= {"segment": found.segment.code, "template": found.template.code, "sender": found.sender.code}
    when = campaign.scheduled_at.astimezone(here()) if campaign.scheduled_at else None
    values |= {
        "topic": campaign.topic or "",
        "tracking": campaign.tracking.value,
        "scheduled_at": when.strftime("%Y-%m-%dT%H:%M") if when else "",
        **_written(campaign),
    }
    return _form(values, stored=campaign.code)


@routes.post("/<code>/edit")
@needs(Permission.EDIT_CAMPAIGNS)
def change(code: str) -> ResponseReturnValue:
    """Change a plan; whatever was checked or approved must be checked and approved again."""
    with transaction() as session:
        stored = find(session, code).code
    return _store(stored=stored)


def _written(campaign: Campaign) -> dict[str, str]:
    """Windows and lateness as the form has them."""
    windows = campaign.windows or {}
    return {
        "hours": ", ".join(windows.get("hours", [])),
        "zone": windows.get("zone", ""),
        "until": windows.get("until", ""),
        "most_late": str(campaign.most_late or ""),
    }


def _windows(before: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What was written about windows; what the form does not show stays as it was."""
    hours = [words.strip() for words in request.form.get("hours", "").split(",") if words.strip()]
    if not hours:
        return None
    kept = {name: value for name, value in (before or {}).items() if name in {"home", "field"}}
    chosen = {name: request.form.get(name, "").strip() for name in ("zone", "until")}
    return kept | {"hours": hours} | {name: value for name, value in chosen.items() if value}


def _form(values: Mapping[str, Any], *, stored: str | None, error: CrusoeError | None = None) -> str:
    with transaction() as session:
        offered = reading.choices(session)
    return page("campaigns/edit.html", form={**NEW, **values}, stored=stored, offered=offered, error=error)


def _store(*, stored: str | None) -> ResponseReturnValue:
    form = request.form
    code = stored or form.get("code", "").strip()
    try:
        require_code(code)
        with transaction() as session:
            plan = _plan(code, before=find(session, stored).windows if stored else None)
            if stored is None and session.scalar(select(Campaign.id).where(Campaign.code == code)):
                raise WrongInput("campaign_exists", _("There is already a campaign with this code."), where="code")
            save(session, plan=plan, actor=acting().email)
    except CrusoeError as error:
        return _form(form, stored=stored, error=error), error.status
    flash(_("The plan is stored."))
    return redirect(url_for("campaigns.show", code=code))


def _plan(code: str, *, before: Mapping[str, Any] | None) -> Plan:
    form, when = request.form, request.form.get("scheduled_at", "").strip()
    try:
        scheduled = datetime.fromisoformat(when).replace(tzinfo=here()) if when else None
        tracking = TrackingLevel(form.get("tracking", ""))
        late = form.get("most_late", "").strip()
        most_late = max(1, int(late)) if late else None
    except ValueError as error:
        raise WrongInput("plan_invalid", _("This cannot be read."), where="scheduled_at") from error
    return Plan(
        code=code,
        name=form.get("name", ""),
        segment=form.get("segment", ""),
        template=form.get("template", ""),
        sender=form.get("sender", ""),
        purpose=form.get("purpose", "").strip() or "newsletter",
        topic=form.get("topic", "").strip() or None,
        tracking=tracking,
        scheduled_at=scheduled,
        windows=_windows(before),
        most_late=most_late,
    )
