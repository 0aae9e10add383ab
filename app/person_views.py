"""One person with everything that happened: the page that answers why a message came, or did not."""

from typing import Any

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app import person as people
from app.evidence.bundle import bundle, packed
from app.evidence.printed import named
from app.rights import erasure, export, requests
from app.rights.subject import DataSubject, by_contact, require_sight
from app.views import routes
from core.cli import dump
from core.db import transaction
from core.permissions import Permission
from core.web import acting, needs, page

RECTIFIED = ("first_name", "last_name", "country", "language")


@routes.get("/contacts/<int:contact_id>")
@needs(Permission.SEE_CONTACTS)
def person(contact_id: int) -> ResponseReturnValue:
    """Master data, addresses, consents with evidence, the verdict now, every decision, events, score."""
    with transaction() as session:
        require_sight(session, contact_id, actor=acting())
        found = people.read(session, contact_id)
    return page("app/person.html", found=found)


@routes.post("/contacts/<int:contact_id>/export")
@needs(Permission.EXPORT_CONTACTS)
def export_person(contact_id: int) -> ResponseReturnValue:
    """Everything that is held, as a page to print, as JSON, or what may be taken along. It is written down."""
    form = request.form.get("form", "json")
    with transaction() as session:
        found = export.document(session, _subject(session, contact_id), actor=acting().email)
        if form == "html":
            content = export.as_page(found, locale=_locale())
            return _file(content, name="person.html", kind="text/html")
        if form == "pdf":
            return _file(export.as_pdf(found, locale=_locale()), name="person.pdf", kind="application/pdf")
    return _file(
        dump(export.portable(found) if form == "portable" else found).encode(),
        name="person.json",
        kind="application/json",
    )


@routes.post("/contacts/<int:contact_id>/evidence")
@needs(Permission.EXPORT_CONTACTS)
def export_evidence(contact_id: int) -> ResponseReturnValue:
    """The bundle of evidence about the person's address as one ZIP file, or only its pages to print."""
    with transaction() as session:
        who = _subject(session, contact_id)
        files = bundle(session, address=str(who.address), actor=acting().email)
    if request.form.get("form") == "pdf":
        return _file(files[named("index.pdf", _locale())], name="evidence.pdf", kind="application/pdf")
    return _file(packed(files), name="evidence.zip", kind="application/zip")


@routes.post("/contacts/<int:contact_id>/restrict")
@needs(Permission.EDIT_SUPPRESSION)
def restrict_person(contact_id: int) -> ResponseReturnValue:
    """Keep the data and use them no more."""
    with transaction() as session:
        who = _subject(session, contact_id)
        done = requests.restrict_person(session, who, actor=acting().email, reason=request.form.get("reason", ""))
    flash(_("The data are restricted: nobody uses them, and compliance alone sees them."))
    _tell_of(done["to_tell"])
    return redirect(url_for("app.person", contact_id=contact_id))


@routes.post("/contacts/<int:contact_id>/profiling")
@needs(Permission.EDIT_SUPPRESSION)
def object_to_profiling(contact_id: int) -> ResponseReturnValue:
    """Note the objection to profiling, or that it was taken back."""
    objects = request.form.get("objects") != "no"
    with transaction() as session:
        requests.object_to_profiling(session, _subject(session, contact_id), actor=acting().email, objects=objects)
    flash(_("The objection is noted; the score is gone.") if objects else _("The objection is taken back."))
    return redirect(url_for("app.person", contact_id=contact_id))


@routes.post("/contacts/<int:contact_id>/rectify")
@needs(Permission.EDIT_SUPPRESSION)
def rectify_person(contact_id: int) -> ResponseReturnValue:
    """Put master data right."""
    changes = {name: request.form[name].strip() or None for name in RECTIFIED if name in request.form}
    with transaction() as session:
        done = requests.rectify_person(session, _subject(session, contact_id), changes=changes, actor=acting().email)
    flash(_("The data are put right."))
    _tell_of(done["to_tell"])
    return redirect(url_for("app.person", contact_id=contact_id))


@routes.post("/contacts/<int:contact_id>/erase")
@needs(Permission.EDIT_SUPPRESSION)
def erase_person(contact_id: int) -> ResponseReturnValue:
    """Delete the person; a block and the proof of the past stay. The receipt is shown then."""
    with transaction() as session:
        who = _subject(session, contact_id)
        reason = request.form.get("reason", "").strip() or None
        erasure.erase_person(session, who, actor=acting().email, reason=reason)
        number = erasure.newest_receipt(session, who)
    flash(_("The person is erased. Objections and proofs stay, without a name."))
    return redirect(url_for("app.erasure_receipt", number=number))


@routes.get("/erasures/<int:number>")
@needs(Permission.SEE_AUDIT)
def erasure_receipt(number: int) -> ResponseReturnValue:
    """The receipt of an erasure, to print and to send."""
    with transaction() as session:
        receipt = erasure.receipt(session, number)
    return _file(erasure.receipt_page(receipt, locale=_locale()), name="receipt.html", kind="text/html", shown=True)


def _tell_of(told: list[dict[str, Any]]) -> None:
    """Say who has had the data: they must be told of the change (Art. 19 GDPR)."""
    if told:
        names = "; ".join(f"{one['to']} ({one['at'][:10]})" for one in told)
        flash(_("These have had the data and must be told (Art. 19 GDPR): %(names)s.", names=names))


def _subject(session: Session, contact_id: int) -> DataSubject:
    require_sight(session, contact_id, actor=acting())
    return by_contact(session, contact_id)


def _locale() -> str:
    return str(get_locale())[:2]


def _file(content: bytes, *, name: str, kind: str, shown: bool = False) -> Response:
    response = Response(content, mimetype=kind)
    response.headers["Content-Disposition"] = f'{"inline" if shown else "attachment"}; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    if kind == "text/html":
        # Such a page brings its look along, since it is read from a disk later.
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response
