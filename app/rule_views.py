"""The pages of the rules: every version, what is different in it, what it would do, and who puts it into force."""

from pathlib import Path
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import Select, func, select

from app.apply.rule_file import as_yaml, changed
from app.apply.source import parse
from app.views import routes
from campaigns import effects
from core.db import transaction
from core.errors import CrusoeError
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.tables import Column, Table
from core.web import acting, needs, page
from suppression import RuleSettings, current, differences, propose, put_into_force, version, versions
from suppression.models import RuleActivation, RuleSet

# What stands for a file where text was typed into a form.
TYPED = Path("rules.yaml")

_activated_at = (
    select(func.max(RuleActivation.at)).where(RuleActivation.rule_set_id == RuleSet.id).correlate(RuleSet)
).scalar_subquery()
_activated_by = (
    select(RuleActivation.activated_by)
    .where(RuleActivation.rule_set_id == RuleSet.id)
    .order_by(RuleActivation.id.desc())
    .limit(1)
    .correlate(RuleSet)
).scalar_subquery()


def _table() -> Table:
    return Table(
        columns=(
            Column("id", _("Version"), RuleSet.id, number=True),
            Column("proposed_at", _("Proposed"), RuleSet.proposed_at),
            Column("proposed_by", _("By"), RuleSet.proposed_by),
            Column("note", _("Why"), RuleSet.note, sortable=False),
            Column("activated_at", _("In force since"), _activated_at, sortable=False),
            Column("activated_by", _("Agreed by"), _activated_by, sortable=False),
        ),
        key=RuleSet.id,
        sort="id",
        export="app.export_rules",
        descending=True,
    )


def _source() -> Select[Any]:
    return select(RuleSet)


@routes.get("/rules")
@needs(Permission.SEE_SUPPRESSION)
def rule_versions() -> ResponseReturnValue:
    """Every version of the rules, the newest first."""
    listing = listed(_table(), _source())
    with transaction() as session:
        in_force = current(session).version
    return page("app/rules.html", listing=listing, in_force=in_force)


@routes.post("/rules/export")
@needs(Permission.SEE_SUPPRESSION)
def export_rules() -> ResponseReturnValue:
    """What the list shows as CSV."""
    return table_as_csv(_table(), _source(), name="rules")


@routes.get("/rules/<int:number>")
@needs(Permission.SEE_SUPPRESSION)
def rule_version(number: int) -> ResponseReturnValue:
    """One version: its numbers, its rows of law, and what is different from the one in force."""
    return _shown(number)


def _shown(number: int, error: CrusoeError | None = None) -> str:
    country = request.args.get("country", "markets")
    with transaction() as session:
        found, in_force, known = version(session, number), current(session), versions(session)
    (about,) = [one for one in known if one.version == number]
    countries = sorted({row.country for row in found.settings.policies})
    return page(
        "app/rule_version.html",
        about=about,
        settings=found.settings,
        in_force=in_force.version,
        changes=differences(in_force.settings, found.settings),
        rows=found.settings.rows_in(_countries(found.settings, country)),
        countries=countries,
        country=country,
        error=error,
    )


def _countries(settings: RuleSettings, choice: str) -> set[str]:
    """One country, all of them, or those where the company does business."""
    every = {row.country for row in settings.policies}
    return {"all": every, "markets": set(settings.markets)}.get(choice, {choice})


@routes.get("/rules/<int:number>/effect")
@needs(Permission.SEE_SUPPRESSION)
def rule_effect(number: int) -> ResponseReturnValue:
    """What this version would do to the planned campaigns: a part of its page that takes a while."""
    with transaction() as session:
        found = effects(session, rules=version(session, number))
        # Looking changes nothing: the hits of addresses that were looked up on the way are left to those who send.
        session.rollback()
    return page("app/rule_effect.html", effects=found, number=number)


@routes.post("/rules/<int:number>/activate")
@needs(Permission.ACTIVATE_RULES)
def activate_rules(number: int) -> ResponseReturnValue:
    """The second person agrees."""
    try:
        with transaction() as session:
            put_into_force(session, number, actor=acting())
    except CrusoeError as error:
        return _shown(number, error), 422
    flash(_("Version %(number)s is in force. What was approved under the rules before has to be approved again.",
            number=number))  # fmt: skip
    return redirect(url_for("app.rule_version", number=number))


@routes.get("/rules/new")
@needs(Permission.PROPOSE_RULES)
def new_rules() -> ResponseReturnValue:
    """The form, filled with the rules in force."""
    with transaction() as session:
        return page("app/rule_form.html", text=as_yaml(current(session).settings), note="", error=None)


@routes.post("/rules/new")
@needs(Permission.PROPOSE_RULES)
def propose_rules() -> ResponseReturnValue:
    """Store what was typed as a version that waits for somebody else."""
    text, note = request.form.get("text", ""), request.form.get("note", "").strip()
    try:
        with transaction() as session:
            wanted = changed(parse(text, path=TYPED), base=current(session).settings)
            number = propose(session, wanted, actor=acting().email, note=note)
    except CrusoeError as error:
        return page("app/rule_form.html", text=text, note=note, error=error), 422
    flash(_("The rules are proposed. Somebody else has to put them into force."))
    return redirect(url_for("app.rule_version", number=number))
