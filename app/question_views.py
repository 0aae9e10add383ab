"""The questions of a data protection officer: each with a form, and the answer in one step."""

from dataclasses import asdict

from flask import current_app, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from app.questions import exports, people
from app.views import routes
from campaigns import releases
from core.db import transaction
from core.errors import CrusoeError
from core.exporting import rows_as_csv, table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.web import acting, needs, page
from suppression.models import ListVersion

# Versions of lists to choose from; older ones can be named by the command.
MOST = 200


@routes.get("/questions")
@needs(Permission.SEE_AUDIT)
def questions() -> ResponseReturnValue:
    """Every question, what its answer rests on, and the same as a command."""
    newest = select(ListVersion.id, ListVersion.list_id, ListVersion.published_at).order_by(ListVersion.id.desc())
    with transaction() as session:
        lists = session.execute(newest.limit(MOST)).all()
    return page("app/questions.html", incomplete=_incomplete(), lists=lists)


def _incomplete() -> str | None:
    """The list of consents, narrowed to those whose evidence has gaps; None for people who may not open it."""
    endpoint = "app.consents"
    return url_for(endpoint, missing="1") if endpoint in current_app.view_functions else None


@routes.get("/questions/why", defaults={"asked": "why"})
@routes.get("/questions/why-not", defaults={"asked": "why-not"})
@routes.get("/questions/stranger", defaults={"asked": "stranger"})
@needs(Permission.SEE_AUDIT)
def question_form(asked: str) -> ResponseReturnValue:
    """The form of a question about one person. Its address names nobody: browsers keep a history."""
    return page("app/question_person.html", asked=asked, titles=_titles(), told=None, error=None, form=request.args)


@routes.post("/questions/why", defaults={"asked": "why"})
@routes.post("/questions/why-not", defaults={"asked": "why-not"})
@routes.post("/questions/stranger", defaults={"asked": "stranger"})
@needs(Permission.SEE_AUDIT)
def question_answer(asked: str) -> ResponseReturnValue:
    """The answer about one person. A POST, because it is written down that somebody asked."""
    what, campaign = request.form.get("what", "").strip(), request.form.get("campaign", "").strip() or None
    told, error, status = None, None, 200
    try:
        with transaction() as session:
            told = people.tell(session, what=what, campaign=campaign, question=asked, actor=acting())
    except CrusoeError as mistake:
        error, status = mistake, mistake.status
        error.where = "campaign" if mistake.code == "campaign_unknown" else "what"
    shown = page("app/question_person.html", asked=asked, titles=_titles(), told=told, error=error, form=request.form)
    return shown, status


def _titles() -> dict[str, str]:
    return {
        "why": _("Why did somebody get a message?"),
        "why-not": _("Why did somebody not get a message?"),
        "stranger": _("What would happen to a stranger’s address, or to a hash?"),
    }


@routes.get("/questions/exports")
@needs(Permission.SEE_AUDIT)
def question_exports() -> ResponseReturnValue:
    """Who took addresses out of the house, and how many."""
    listing = listed(exports.table(), exports.source())
    with transaction() as session:
        totals = exports.totals(session)
    return page("app/exports.html", listing=listing, totals=totals)


@routes.post("/questions/exports/export")
@needs(Permission.SEE_AUDIT)
def export_exports() -> ResponseReturnValue:
    """What the report shows as CSV."""
    return table_as_csv(exports.table(), exports.source(), name="exports")


@routes.get("/questions/released-holds")
@needs(Permission.SEE_AUDIT)
def question_releases() -> ResponseReturnValue:
    """Which holds were released, by whom, why, and how many messages went out for it."""
    with transaction() as session:
        return page("app/releases.html", found=releases(session))


@routes.post("/questions/released-holds/export")
@needs(Permission.SEE_AUDIT)
def export_releases() -> ResponseReturnValue:
    """The same as CSV."""
    names = ("at", "by", "campaign", "name", "code", "reason", "messages", "went_out")
    with transaction() as session:
        found = [asdict(one) for one in releases(session)]
        return rows_as_csv(session, names, [[one[name] for name in names] for one in found], name="releases")
