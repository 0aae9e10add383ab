"""Blocks of the house: the list, the form for a new one, and requests to take one back."""

from datetime import datetime

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import email_address, ensure_addresses
from contacts.importing import Rejected
from contacts.models import Channel, Controller
from core import audit, clock
from core.db import transaction
from core.errors import CrusoeError, WrongInput
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.web import acting, needs, page
from suppression import block_list
from suppression.block_intake import until
from suppression.block_targets import target
from suppression.blocks import Block, BlockKind, add_block
from suppression.departures import wait_for_departures
from suppression.entries import add, entries
from suppression.lifting import agree_to_lift, ask_to_lift, open_requests, refuse_to_lift
from suppression.models import Cause
from suppression.views import routes

# An objection that reached us by letter or by telephone is written down with the same form.
OBJECTION = "opted_out"


@routes.get("/blocks")
@needs(Permission.SEE_SUPPRESSION)
def blocks() -> ResponseReturnValue:
    """What the house does not write to, and who wants to change that."""
    listing = listed(block_list.table(), block_list.source())
    with transaction() as session:
        waiting = open_requests(session)
    return page("suppression/blocks.html", listing=listing, waiting=waiting, kinds=block_list.kinds())


@routes.post("/blocks/export")
@needs(Permission.EXPORT_CONTACTS)
def export_blocks() -> ResponseReturnValue:
    """The blocks as CSV. They name addresses, so it needs more than seeing them."""
    return table_as_csv(block_list.table(), block_list.source(), name="blocks")


def _form(error: CrusoeError | None) -> str:
    with transaction() as session:
        controllers = session.execute(select(Controller.code, Controller.name).order_by(Controller.id)).all()
    offered = {code: label for code, label in block_list.kinds().items() if code in set(BlockKind)}
    form = request.form if error else request.args
    return page("suppression/block.html", error=error, form=form, kinds=offered, controllers=controllers)


@routes.get("/block")
@needs(Permission.EDIT_SUPPRESSION)
def block_form() -> ResponseReturnValue:
    """The form for an entry of our own."""
    return _form(None)


@routes.post("/block")
@needs(Permission.EDIT_SUPPRESSION)
def block() -> ResponseReturnValue:
    """Add an entry: an address, a domain, a domain with all below it, or a company."""
    wanted = request.form.get("what", "").strip()
    try:
        with transaction() as session:
            _store(session, wanted)
    except CrusoeError as error:
        error.where = error.where if error.where in {"reason", "until", "kind"} else "what"
        return _form(error), error.status
    left = wait_for_departures()
    flash(_("Nothing will be sent to %(address)s from now on.", address=wanted))
    if left:
        flash(
            ngettext(
                "%(num)s e-mail was already on its way and may still arrive.",
                "%(num)s e-mails were already on their way and may still arrive.",
                left,
            )
        )
    return redirect(url_for("suppression.blocks"))


def _store(session: Session, wanted: str) -> None:
    reason, kind = request.form.get("reason", "").strip(), request.form.get("kind", "") or BlockKind.OWN_DECISION.value
    if kind == OBJECTION:
        _note_objection(session, wanted, reason)
        return
    if kind not in set(BlockKind):
        raise WrongInput("kind_unknown", _("Choose what it is."), where="kind")
    channel = request.form.get("channel", "")
    code = request.form.get("controller", "")
    add_block(
        session,
        Block(
            target=target(wanted),
            kind=BlockKind(kind),
            channel=Channel(channel) if channel in set(Channel) else None,
            purpose=request.form.get("purpose", "").strip()[:100] or None,
            controller_id=session.scalar(select(Controller.id).where(Controller.code == code)) if code else None,
            until=_until(),
            reason=reason,
        ),
        actor=acting(),
    )


def _until() -> datetime | None:
    try:
        return until(request.form.get("until", ""))
    except Rejected as error:
        raise WrongInput(error.reason, error.explanation, where="until") from error


def _note_objection(session: Session, wanted: str, reason: str) -> None:
    if not reason:
        raise WrongInput("reason_missing", _("An entry needs a reason."), where="reason")
    email = email_address(wanted)
    address_id = ensure_addresses(session, [email])[email.key]
    source = f"user:{acting().email}"
    add(
        session,
        address_id=address_id,
        cause=Cause.OPTED_OUT,
        at=clock.now(),
        source=source,
        evidence={"reason": reason},
    )
    audit.record(
        session,
        actor=acting().email,
        user_id=acting().id,
        action="suppression.note_objection",
        object_type="suppression_entry",
        object_id=entries(session, address_id=address_id)[0].id,
        reason=reason,
    )


@routes.post("/entries/<int:entry_id>/lift")
@needs(Permission.SEE_SUPPRESSION)
def ask_lift(entry_id: int) -> ResponseReturnValue:
    """Ask that an entry no longer count. Somebody else must agree."""
    with transaction() as session:
        ask_to_lift(session, entry_id=entry_id, actor=acting(), reason=request.form.get("reason", ""))
    flash(_("Somebody else must agree now; until then the entry counts as before."))
    return redirect(url_for("suppression.blocks"))


@routes.post("/lifts/<int:number>/agree")
@needs(Permission.EDIT_SUPPRESSION)
def agree_lift(number: int) -> ResponseReturnValue:
    """Agree to what somebody else asked for."""
    with transaction() as session:
        agree_to_lift(session, request_id=number, actor=acting(), reason=request.form.get("reason", ""))
    flash(_("The entry is lifted."))
    return redirect(url_for("suppression.blocks"))


@routes.post("/lifts/<int:number>/refuse")
@needs(Permission.SEE_SUPPRESSION)
def refuse_lift(number: int) -> ResponseReturnValue:
    """Decline what somebody asked for, or take back what one asked for oneself."""
    with transaction() as session:
        refuse_to_lift(session, request_id=number, actor=acting(), reason=request.form.get("reason", ""))
    flash(_("The entry stays as it is."))
    return redirect(url_for("suppression.blocks"))
