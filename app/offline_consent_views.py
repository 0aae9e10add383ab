"""Entering a consent given on paper or in a call, opening its scan again, and noting that one was taken back."""

from collections.abc import Mapping

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.consents import listing, offline, withdrawal
from app.rights.subject import require_sight
from app.uploads import MEGABYTE
from app.views import routes
from contacts import ENDINGS, LARGEST, Scan, latest_texts, scan
from contacts.models import Controller, Endpoint
from core.days import here
from core.db import transaction
from core.errors import CrusoeError
from core.permissions import Permission
from core.web import acting, needs, page, takes_files
from delivery import wait_until_quiet

# The other fields of the form beside the scan.
WITH_FIELDS = LARGEST + MEGABYTE
NEW = {
    "address": "", "channel": "email", "purpose": "newsletter", "controller": "", "basis": "written", "words": "",
    "given_at": "", "place": "", "taken_by": "", "recording": "", "note": "",
}  # fmt: skip


@routes.get("/consents/new")
@needs(Permission.IMPORT_CONTACTS)
def offline_consent_form() -> ResponseReturnValue:
    """The form, empty, or with the address of somebody."""
    contact = request.args.get("contact", "")
    with transaction() as session:
        known = _first_address(session, int(contact)) if contact.isascii() and contact.isdigit() else None
    return _form({"address": known.value, "channel": known.channel.value} if known else {})


@routes.post("/consents/new")
@needs(Permission.IMPORT_CONTACTS)
@takes_files(lambda: WITH_FIELDS)
def enter_offline_consent() -> ResponseReturnValue:
    """Put it on record."""
    try:
        with transaction() as session:
            reference = offline.enter(session, request.form, scan=_scan(), zone=here(), actor=acting())
    except CrusoeError as error:
        return _form(request.form, error), error.status
    flash(_("The consent is on record."))
    return redirect(url_for("app.consent", reference=reference))


@routes.post("/consents/<reference>/withdraw")
@needs(Permission.IMPORT_CONTACTS)
def take_consent_back(reference: str) -> ResponseReturnValue:
    """Note that the person took it back, and answer when no mail is on its way any more."""
    how, proof = request.form.get("how", ""), request.form.get("proof", "").strip()
    with transaction() as session:
        consent = listing.by_reference(session, reference)
        withdrawal.take_back(session, consent, how=how, proof=proof, actor=acting())
        address_id = consent.address_id
    wait_until_quiet(address_id)
    flash(_("The consent is taken back; nothing is sent on it any more."))
    return redirect(url_for("app.consent", reference=reference))


@routes.post("/consents/<reference>/scans/<digest>")
@needs(Permission.SEE_RESTRICTED)
def open_scan(reference: str, digest: str) -> ResponseReturnValue:
    """The scan as a file. A POST, because opening it is written down; never shown as a page of ours."""
    with transaction() as session:
        found = offline.open_scan(session, listing.by_reference(session, reference), digest.lower(), actor=acting())
    response = Response(found.content, mimetype=found.type)
    name = f"scan-{digest[:12]}.{ENDINGS[found.type]}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "no-store"
    return response


def _scan() -> Scan | None:
    upload = request.files.get("scan")
    if upload is None or not upload.filename:
        return None
    return scan(upload.stream.read(LARGEST + 1))


def _first_address(session: Session, contact_id: int) -> Endpoint | None:
    require_sight(session, contact_id, actor=acting())
    return session.scalar(
        select(Endpoint).where(Endpoint.contact_id == contact_id, Endpoint.channel != "post").order_by(Endpoint.id)
    )


def _form(values: Mapping[str, str], error: CrusoeError | None = None) -> str:
    with transaction() as session:
        controllers = [(row.code, row.name) for row in session.scalars(select(Controller).order_by(Controller.id))]
        words = [
            (f"{one.version}/{one.locale}", f"{one.version} ({one.locale}): {one.text[:80]}")
            for one in latest_texts(session)
        ]
        purposes = listing.purposes(session)
    form = NEW | dict(values.items())
    return page(
        "app/consent_form.html", form=form, error=error, controllers=controllers, words=words, purposes=purposes
    )
