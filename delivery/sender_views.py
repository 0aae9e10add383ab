"""The pages of senders: what the doctor found about each, its signing keys, and what findings do to releases."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from contacts import email_address
from core.db import transaction
from core.errors import CrusoeError, WrongInput
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.sentences import say
from core.tables import Column, Table, contains
from core.web import acting, needs, page
from delivery.doctor.effects import effect_list, set_effect
from delivery.doctor.findings import Effect, Severity
from delivery.doctor.looking import require_published
from delivery.doctor.models import SenderExamination
from delivery.doctor.store import latest_look, request_look, waiting_since
from delivery.doctor.whom import ask_for_domain, find_sender
from delivery.models import Sender
from delivery.signing import activate_key, draw_key, keys_of, retire_key, signing_key
from delivery.signing.models import Algorithm

# Its own, so that the menu marks it whatever page of a sender is open.
routes = Blueprint("senders", "delivery", url_prefix="/senders")

_looked_at = (
    select(func.max(SenderExamination.done_at)).where(SenderExamination.sender_id == Sender.id).correlate(Sender)
).scalar_subquery()


def _table() -> Table:
    return Table(
        columns=(
            Column("code", _("Code"), Sender.code),
            Column("from_name", _("Name"), Sender.from_name),
            Column("from_address", _("From"), Sender.from_address),
            Column("return_domain", _("Bounces to"), Sender.return_domain),
            Column("looked_at", _("Looked at"), _looked_at, sortable=False),
        ),
        hidden=(Column("id", _("No."), Sender.id),),
        key=Sender.id,
        sort="code",
        export="senders.export",
        search=contains(Sender.code, Sender.from_name, Sender.from_address),
    )


def _source() -> Select[Any]:
    return select(Sender)


def _counts(session: Session, sender_id: int) -> dict[Effect, int] | None:
    look = latest_look(session, sender_id=sender_id)
    if look is None or not look.is_answered:
        return None
    return {effect: len(look.of(effect)) for effect in (Effect.BLOCK, Effect.WARN)}


@routes.get("/")
@needs(Permission.SEE_SENDERS)
def index() -> ResponseReturnValue:
    """All senders, with what was found about each."""
    listing = listed(_table(), _source())
    with transaction() as session:
        found = {row["id"]: _counts(session, row["id"]) for row in listing.rows}
    return page("delivery/senders.html", listing=listing, found=found, Effect=Effect)


@routes.post("/export")
@needs(Permission.SEE_SENDERS)
def export() -> ResponseReturnValue:
    """What the list shows as CSV."""
    return table_as_csv(_table(), _source(), name="senders")


def _facts(session: Session, code: str) -> dict[str, Any]:
    sender = find_sender(session, code)
    look = latest_look(session, sender_id=sender.id)
    return {
        "sender": sender,
        "look": look,
        "shown": _ordered(look.findings) if look else [],
        "waiting": waiting_since(session, sender_id=sender.id),
        "Severity": Severity,
        "Effect": Effect,
    }


def _ordered(findings: Any) -> list[Any]:
    """What blocks first, then what warns, then what is only to be known, then what is good."""
    effects, severities = list(Effect), list(Severity)
    return sorted(
        findings,
        key=lambda each: (
            each[0].severity is Severity.GOOD,
            effects.index(each[1]),
            severities.index(each[0].severity),
        ),
    )


def _show(code: str, error: CrusoeError | None = None) -> str:
    with transaction() as session:
        facts = _facts(session, code)
        domain = email_address(facts["sender"].from_address).domain
        keys = keys_of(session, domain=domain)
    return page(
        "delivery/sender_doctor.html",
        **facts,
        domain=domain,
        keys=keys,
        algorithms=list(Algorithm),
        error=error,
        form=request.form if error else {},
    )


@routes.get("/<code>/doctor")
@needs(Permission.SEE_SENDERS)
def doctor(code: str) -> ResponseReturnValue:
    """What was found about a sender, when, and what to do; and its keys."""
    return _show(code)


@routes.get("/<code>/doctor/progress")
@needs(Permission.SEE_SENDERS)
def progress(code: str) -> ResponseReturnValue:
    """The findings alone: the page asks for them while a look is under way."""
    with transaction() as session:
        return page("delivery/sender_findings.html", **_facts(session, code))


@routes.post("/<code>/doctor")
@needs(Permission.SEE_SENDERS)
def look_again(code: str) -> ResponseReturnValue:
    """Ask for another look. A worker has it; names are looked up outside of any request."""
    with transaction() as session:
        request_look(session, sender_id=find_sender(session, code).id, by=acting().email)
    return redirect(url_for("senders.doctor", code=code))


@routes.post("/<code>/keys")
@needs(Permission.MANAGE_SENDERS)
def draw(code: str) -> ResponseReturnValue:
    """Draw a signing key for the domain of a sender."""
    try:
        with transaction() as session:
            domain = email_address(find_sender(session, code).from_address).domain
            key = draw_key(session, domain=domain, algorithm=_algorithm(), actor=acting())
    except CrusoeError as error:
        return _show(code, error), error.status
    flash(_("The key %(name)s is drawn. Publish its record, then activate it.", name=key.selector))
    return redirect(url_for("senders.doctor", code=code))


def _algorithm() -> Algorithm:
    try:
        return Algorithm(request.form.get("algorithm", ""))
    except ValueError as error:
        raise WrongInput("algorithm_unknown", say("Choose one of the algorithms."), where="algorithm") from error


@routes.post("/<code>/keys/<selector>/activate")
@needs(Permission.MANAGE_SENDERS)
def activate(code: str, selector: str) -> ResponseReturnValue:
    """Let a key sign, once its record is found; or for a reason that somebody gives."""
    reason = request.form.get("unchecked", "").strip() or None
    try:
        with transaction() as session:
            domain = email_address(find_sender(session, code).from_address).domain
            key = signing_key(session, domain=domain, selector=selector)
        if reason is None:
            require_published(key)
        with transaction() as session:
            activate_key(session, domain=domain, selector=selector, actor=acting(), unchecked=reason)
            ask_for_domain(session, domain=domain, by=acting().email)
    except CrusoeError as error:
        return _show(code, error), error.status
    flash(_("%(name)s signs from now on. An older key of its kind may be retired in seven days.", name=selector))
    return redirect(url_for("senders.doctor", code=code))


@routes.post("/<code>/keys/<selector>/retire")
@needs(Permission.MANAGE_SENDERS)
def retire(code: str, selector: str) -> ResponseReturnValue:
    """Forget a key for good."""
    try:
        with transaction() as session:
            domain = email_address(find_sender(session, code).from_address).domain
            at_once = request.form.get("at_once", "").strip() or None
            retire_key(session, domain=domain, selector=selector, actor=acting(), at_once=at_once)
    except CrusoeError as error:
        return _show(code, error), error.status
    flash(_("%(name)s is retired. Its record may be removed.", name=selector))
    return redirect(url_for("senders.doctor", code=code))


def _effects(error: CrusoeError | None = None) -> str:
    with transaction() as session:
        rows = effect_list(session)
    return page("delivery/finding_effects.html", rows=rows, effects=list(Effect), error=error, form=request.form)


@routes.get("/findings")
@needs(Permission.SEE_SENDERS)
def findings() -> ResponseReturnValue:
    """What each finding does to releases."""
    return _effects()


@routes.post("/findings")
@needs(Permission.MANAGE_SENDERS)
def decide() -> ResponseReturnValue:
    """Decide what a finding does, with a reason."""
    form = request.form
    try:
        if form.get("effect") not in {effect.value for effect in Effect}:
            raise WrongInput("effect_unknown", say("Choose what it does."), where="effect")
        with transaction() as session:
            set_effect(
                session,
                code=form.get("code", ""),
                effect=Effect(form["effect"]),
                actor=acting(),
                reason=form.get("reason", ""),
            )
    except CrusoeError as error:
        return _effects(error), error.status
    flash(_("It counts from now on."))
    return redirect(url_for("senders.findings"))
