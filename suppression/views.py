"""Look up an address, keep entries, see the lists."""

from dataclasses import fields

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import email_address, ensure_addresses, find_address
from contacts.models import Endpoint
from core import clock, tables
from core.db import transaction
from core.errors import CrusoeError, WrongInput
from core.exporting import rows_as_csv, table_as_csv
from core.permissions import Permission
from core.web import acting, blueprint, needs, page
from suppression.entries import add, block_domain, entries, lift
from suppression.lists.standing import ListStatus, status
from suppression.lookup import listings, verdicts_now
from suppression.models import Cause, SuppressionEntry
from suppression.overview import table

routes = blueprint("suppression", url_prefix="/suppression")


@routes.get("/")
@needs(Permission.SEE_SUPPRESSION)
def index() -> ResponseReturnValue:
    """The search box, what is known about an address, the lists and the latest entries."""
    address = request.args.get("address", "").strip()
    shown = table()
    with transaction() as session:
        found, wrong = _found(session, address)
        return page(
            "suppression/index.html",
            address=address,
            found=found,
            lists=status(session),
            listing=tables.read(session, shown, select(SuppressionEntry), tables.ask(shown, request.args)),
            error=wrong,
        )


@routes.post("/export")
@needs(Permission.EXPORT_CONTACTS)
def export() -> ResponseReturnValue:
    """Our entries as CSV. They name addresses, so it needs more than seeing them."""
    return table_as_csv(table(), select(SuppressionEntry), name="suppression")


@routes.post("/lists/export")
@needs(Permission.SEE_SUPPRESSION)
def export_lists() -> ResponseReturnValue:
    """How the lists stand as CSV."""
    names = [field.name for field in fields(ListStatus)]
    with transaction() as session:
        rows = [[getattr(one, name) for name in names] for one in status(session)]
        return rows_as_csv(session, names, rows, name="lists")


def _found(session: Session, address: str) -> tuple[dict[str, object] | None, CrusoeError | None]:
    """What is known about an address, or why it is none: a slip of the pen is said beside the field."""
    if not address:
        return None, None
    try:
        email_address(address)
        return _lookup(session, address), None
    except CrusoeError as error:
        return None, error


def _lookup(session: Session, address: str) -> dict[str, object]:
    address_id = find_address(session, address)
    if address_id is None:
        return {"known": False}
    return {
        "known": True,
        "contact": session.scalar(select(Endpoint.contact_id).where(Endpoint.address_id == address_id)),
        "verdicts": verdicts_now(session, address_id=address_id),
        "entries": entries(session, address_id=address_id),
        "listings": listings(session, address_id=address_id),
    }


@routes.get("/block")
@needs(Permission.EDIT_SUPPRESSION)
def block_form() -> ResponseReturnValue:
    """The form for an entry of our own."""
    return page("suppression/block.html", error=None, form=request.args)


@routes.post("/block")
@needs(Permission.EDIT_SUPPRESSION)
def block() -> ResponseReturnValue:
    """Add an entry: an address, or a whole domain written as `@domain`."""
    wanted, reason = request.form.get("address", "").strip(), request.form.get("reason", "").strip()
    try:
        with transaction() as session:
            _block(session, wanted=wanted, reason=reason)
    except CrusoeError as error:
        error.where = error.where if error.where == "reason" else "address"
        return page("suppression/block.html", error=error, form=request.form), error.status
    flash(_("Nothing will be sent to %(address)s from now on.", address=wanted))
    return redirect(url_for("suppression.index"))


def _block(session: Session, *, wanted: str, reason: str) -> None:
    if not reason:
        raise WrongInput("reason_missing", _("An entry needs a reason."), where="reason")
    if wanted.startswith("@"):
        domain = email_address(f"somebody{wanted}").domain
        block_domain(session, domain=domain, actor=acting(), reason=reason)
        return
    email = email_address(wanted)
    address_id = ensure_addresses(session, [email])[email.key]
    cause = Cause.OPTED_OUT if request.form.get("cause") == "opted_out" else Cause.INTERNAL_BLOCK
    evidence = {"reason": reason}
    source = f"user:{acting().email}"
    add(session, address_id=address_id, cause=cause, at=clock.now(), source=source, evidence=evidence)


@routes.post("/entries/<int:entry_id>/lift")
@needs(Permission.EDIT_SUPPRESSION)
def lift_entry(entry_id: int) -> ResponseReturnValue:
    """Let an entry count no more. Whoever asks for it and whoever agrees are two people."""
    with transaction() as session:
        asked_by, reason = request.form.get("asked_by", ""), request.form.get("reason", "")
        lift(session, entry_id=entry_id, asked_by=asked_by, agreed_by=acting(), reason=reason)
    flash(_("The entry is lifted."))
    return redirect(url_for("suppression.index"))
