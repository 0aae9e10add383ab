"""Approvals that wait: each campaign beside what was approved last, so that nobody has to remember what that was."""

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.approved import waiting
from core.db import transaction
from core.permissions import Permission
from core.web import needs, page

routes = Blueprint("approvals", "campaigns", url_prefix="/approvals")


@routes.get("/")
@needs(Permission.APPROVE_CAMPAIGNS)
def index() -> ResponseReturnValue:
    """Every campaign that waits for an approval."""
    with transaction() as session:
        found = waiting(session)
    return page("campaigns/approvals.html", found=found, labels=labels())


def labels() -> dict[str, str]:
    """What the things are called that can be different."""
    return {
        "content": _("content"),
        "audience": _("audience"),
        "sender": _("sender"),
        "lists": _("lists"),
        "subject": _("Subject"),
        "preheader": _("Preheader"),
        "text": _("Text part"),
        "body": _("Body of the mail"),
        "segment": _("Definition of the segment"),
        "imprint": _("Imprint"),
        "template": _("Template"),
        "version": _("Version of the template"),
        "language": _("Language"),
        "markup": _("Written in"),
        "segment_code": _("Segment"),
        "sender_code": _("Sender"),
        "from": _("From"),
        "reply_to": _("Answers to"),
        "controller": _("Company"),
        "purpose": _("Purpose"),
        "topic": _("Topic"),
        "tracking": _("Recorded"),
        "scheduled_at": _("Not before"),
        "windows": _("Windows for sending"),
        "rules": _("Version of the rules"),
    }
