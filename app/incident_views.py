"""Something proved wrong: which messages went out under it, and what to do now."""

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.evidence import incidents
from app.evidence.incidents import Incident
from app.views import routes
from contacts.consent_models import ConsentText
from core import days
from core.db import transaction
from core.errors import CrusoeError
from core.exporting import rows_as_csv
from core.permissions import Permission
from core.web import needs, page
from suppression.models import ListVersion, RuleActivation, RuleSet
from templates.models import Template, TemplateVersion

# Enough to choose from; whatever is older can be named in the address, and by the command.
MOST = 200
FIELDS = ("list_version", "rules", "text", "template")


@routes.get("/incidents")
@needs(Permission.SEE_AUDIT)
def incident() -> ResponseReturnValue:
    """The form, and what went out under what was chosen."""
    found: list[dict[str, Any]] | None = None
    error, status, version = None, 200, None
    with transaction() as session:
        try:
            if _given():
                found = incidents.incident(session, _asked())
        except CrusoeError as mistake:
            error, status = mistake, mistake.status
        if request.args.get("list_version", "").isdigit() and error is None:
            version = session.get(ListVersion, int(request.args["list_version"]))
        offered = _offered(session)
    return page(
        "app/incidents.html", found=found, offered=offered, error=error, asked=request.args, version=version
    ), status


@routes.post("/incidents/export")
@needs(Permission.EXPORT_CONTACTS)
def export_incident() -> ResponseReturnValue:
    """The messages by their numbers, with the numbers of the contacts, for whoever has to write to them."""
    with transaction() as session:
        rows = incidents.messages(session, _asked())
        return rows_as_csv(session, incidents.COLUMNS, rows, name="incident")


def _given() -> bool:
    return any(request.args.get(name, "").strip() for name in (*FIELDS, days.FROM, days.TO))


def _asked() -> Incident:
    since, until = days.ends(days.chosen(request.args))
    return Incident(since=since, until=until, **{name: request.args.get(name, "").strip() or None for name in FIELDS})


def _offered(session: Session) -> dict[str, list[Any]]:
    """What can be chosen, the newest first."""
    lists = select(ListVersion.id, ListVersion.list_id, ListVersion.published_at).order_by(ListVersion.id.desc())
    rules = (
        select(RuleSet.id, RuleSet.proposed_at)
        .where(RuleSet.id.in_(select(RuleActivation.rule_set_id)))
        .order_by(RuleSet.id.desc())
    )
    words = select(ConsentText.version).distinct().order_by(ConsentText.version.desc())
    templates = (
        select(Template.code, Template.name, TemplateVersion.number)
        .join(TemplateVersion, TemplateVersion.template_id == Template.id)
        .where(TemplateVersion.frozen_at.is_not(None))
        .order_by(TemplateVersion.id.desc())
    )
    return {
        "lists": list(session.execute(lists.limit(MOST))),
        "rules": list(session.execute(rules.limit(MOST))),
        "texts": list(session.scalars(words.limit(MOST))),
        "templates": list(session.execute(templates.limit(MOST))),
    }
