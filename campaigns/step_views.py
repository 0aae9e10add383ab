"""The steps of a campaign, each one a button: check, submit, approve, launch, pause."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from campaigns.approval import approve, send_back, submit, void_if_changed
from campaigns.checks import check_campaign
from campaigns.conductor import cancel, launch, pause, resume
from campaigns.models import Campaign
from campaigns.service import find, lock
from campaigns.views import routes, show_page
from core.db import transaction
from core.errors import CrusoeError
from core.permissions import Permission
from core.web import acting, needs

Step = Callable[[Session, Campaign], Any]


def _take(code: str, step: Step, said: str | Callable[[Any], str]) -> ResponseReturnValue:
    """One step in one transaction, with the campaign locked; what is refused is said on its page."""
    try:
        with transaction() as session:
            came = step(session, lock(session, code))
    except CrusoeError as error:
        if error.code == "approval_void":
            # What was approved is not what would go out any more: take the approval back for good.
            with transaction() as session:
                void_if_changed(session, campaign=lock(session, code), actor="system")
        with transaction() as session:
            find(session, code)
        return show_page(code, error), error.status
    flash(said(came) if callable(said) else said)
    return redirect(url_for("campaigns.show", code=code))


def _reason() -> str:
    return request.form.get("reason", "").strip()


@routes.post("/<code>/check")
@needs(Permission.EDIT_CAMPAIGNS)
def check(code: str) -> ResponseReturnValue:
    """Decide about the whole audience and read the mail."""
    return _take(
        code,
        lambda session, campaign: check_campaign(session, campaign=campaign, actor=acting().email),
        _("The check is done."),
    )


@routes.post("/<code>/submit")
@needs(Permission.SUBMIT_CAMPAIGNS)
def submit_campaign(code: str) -> ResponseReturnValue:
    """Ask for approval."""
    return _take(
        code, lambda session, campaign: submit(session, campaign=campaign, actor=acting()), _("It waits for approval.")
    )


@routes.post("/<code>/approve")
@needs(Permission.APPROVE_CAMPAIGNS)
def approve_campaign(code: str) -> ResponseReturnValue:
    """Agree to exactly what was submitted."""
    return _take(
        code,
        lambda session, campaign: approve(session, campaign=campaign, actor=acting(), reason=_reason() or None),
        lambda why: _("Your approval is noted; compliance must agree, too.") if why else _("It is approved."),
    )


@routes.post("/<code>/send-back")
@needs(Permission.APPROVE_CAMPAIGNS)
def send_back_campaign(code: str) -> ResponseReturnValue:
    """Decline, with a reason."""
    return _take(
        code,
        lambda session, campaign: send_back(session, campaign=campaign, actor=acting(), reason=_reason()),
        _("It went back to its author."),
    )


@routes.post("/<code>/launch")
@needs(Permission.LAUNCH_CAMPAIGNS)
def launch_campaign(code: str) -> ResponseReturnValue:
    """Send what was approved."""
    return _take(
        code, lambda session, campaign: launch(session, campaign=campaign, actor=acting()), _("It is on its way.")
    )


@routes.post("/<code>/pause")
@needs(Permission.PAUSE_CAMPAIGNS)
def pause_campaign(code: str) -> ResponseReturnValue:
    """Stop handing over."""
    return _take(
        code,
        lambda session, campaign: pause(session, campaign=campaign, actor=acting(), reason=_reason() or None),
        _("It is paused; nothing is lost."),
    )


@routes.post("/<code>/resume")
@needs(Permission.LAUNCH_CAMPAIGNS)
def resume_campaign(code: str) -> ResponseReturnValue:
    """Go on."""
    return _take(
        code,
        lambda session, campaign: resume(session, campaign=campaign, actor=acting(), reason=_reason() or None),
        _("It goes on."),
    )


@routes.post("/<code>/cancel")
@needs(Permission.PAUSE_CAMPAIGNS)
def cancel_campaign(code: str) -> ResponseReturnValue:
    """End it for good."""
    return _take(
        code,
        lambda session, campaign: cancel(session, campaign=campaign, actor=acting(), reason=_reason()),
        _("It is cancelled."),
    )
