"""The menu: what each person may open, in the order of the work."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Flask, current_app, request, url_for
from flask_babel import lazy_gettext as _l

from core.permissions import Permission
from core.web import current_actor


@dataclass(frozen=True)
class Entry:
    """A line of the menu."""

    label: str
    endpoint: str
    permission: Permission
    icon: str


MENU = (
    Entry(_l("Dashboard"), "app.dashboard", Permission.SEE_DASHBOARD, "home"),
    Entry(_l("Contacts"), "contacts.index", Permission.SEE_CONTACTS, "users"),
    Entry(_l("Segments"), "segments.index", Permission.SEE_SEGMENTS, "filter"),
    Entry(_l("Templates"), "templates.index", Permission.SEE_TEMPLATES, "file-text"),
    Entry(_l("Campaigns"), "campaigns.index", Permission.SEE_CAMPAIGNS, "send"),
    Entry(_l("Approvals"), "approvals.index", Permission.APPROVE_CAMPAIGNS, "check"),
    Entry(_l("Holds"), "holds.index", Permission.RELEASE_HOLDS, "player-pause"),
    Entry(_l("Suppression"), "suppression.index", Permission.SEE_SUPPRESSION, "shield-lock"),
    Entry(_l("Returned mail"), "app.returned", Permission.SEE_SUPPRESSION, "mail"),
    Entry(_l("Consents"), "app.consents", Permission.SEE_SUPPRESSION, "circle-check"),
    Entry(_l("Rules"), "app.rule_versions", Permission.SEE_SUPPRESSION, "git-branch"),
    Entry(_l("Senders"), "senders.index", Permission.SEE_SENDERS, "key"),
    Entry(_l("Leads"), "lead_handover.index", Permission.SEE_LEADS, "target"),
    Entry(_l("Mail inbox"), "app.inbox", Permission.SEE_INBOX, "inbox"),
    Entry(_l("Questions"), "app.questions", Permission.SEE_AUDIT, "message-report"),
    Entry(_l("Audit log"), "app.audit_log", Permission.SEE_AUDIT, "history"),
    Entry(_l("Users"), "app.user_list", Permission.MANAGE_USERS, "user-check"),
)


def install(app: Flask) -> None:
    """Give the pages their menu and the addresses of static files."""
    app.jinja_env.globals.update(
        menu=lambda: [entry for entry in visible() if entry.endpoint in app.view_functions],
        actor=current_actor,
        asset=asset,
        here=here,
        may=may,
        may_open=may_open,
        Permission=Permission,
    )


def visible() -> list[Entry]:
    """The lines that the signed-in person may open."""
    person = current_actor()
    return [entry for entry in MENU if person is not None and person.may(entry.permission)]


def may(permission: Permission) -> bool:
    """Whether to show a button for it. The route behind it checks again."""
    person = current_actor()
    return person is not None and person.may(permission)


def may_open(endpoint: str) -> bool:
    """Whether the signed-in person may use a route."""
    permission = getattr(current_app.view_functions[endpoint], "permission", None)
    return permission is not None and may(permission)


def here(endpoint: str) -> bool:
    """Whether the open page belongs to this line of the menu."""
    if request.endpoint is None:
        return False
    stage, _, name = endpoint.partition(".")
    return request.endpoint == endpoint or (stage != "app" and request.blueprint == stage and bool(name))


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """Address of a static file that changes with its content, so that browsers may keep it for ever."""
    path = Path(__file__).parent.parent / "core" / "static" / name
    return url_for("static", filename=name, v=_digest(path))
