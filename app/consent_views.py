"""Consents for everybody who may look at suppression: all of them, and one with every field of its record."""

from typing import Any

from flask import Response
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.consents import listing
from app.evidence.bundle import bundle, packed
from app.rights.subject import require_sight
from app.views import routes
from contacts.consent_models import Consent
from contacts.models import Endpoint
from core.db import transaction
from core.errors import NotFound
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.sentences import say
from core.tables import Table
from core.web import acting, needs, page
from suppression import consents_of


def _table() -> Table:
    with transaction() as session:
        return listing.table(listing.purposes(session))


@routes.get("/consents/")
@needs(Permission.SEE_SUPPRESSION)
def consents() -> ResponseReturnValue:
    """All consents, latest first."""
    found = listed(_table(), listing.source())
    return page("app/consents.html", listing=found)


@routes.post("/consents/export")
@needs(Permission.EXPORT_CONTACTS)
def export_consents() -> ResponseReturnValue:
    """What the list shows as CSV. It names addresses, so it needs more than seeing them."""
    return table_as_csv(_table(), listing.source(), name="consents")


@routes.get("/consents/<reference>")
@needs(Permission.SEE_SUPPRESSION)
def consent(reference: str) -> ResponseReturnValue:
    """One consent: every field of its record in plain words, step by step, and what is missing."""
    with transaction() as session:
        row = listing.by_reference(session, reference)
        owner = _owner(session, row)
        record = next(one for one in consents_of(session, row.address_id) if one["id"] == row.id)
    # After the withdrawal the proof is kept for the defence of claims only.
    hidden = record["withdrawn_at"] is not None and not acting().may(Permission.SEE_RESTRICTED)
    return page("app/consent.html", consent=record, owner=owner, hidden=hidden)


@routes.post("/consents/<reference>/evidence")
@needs(Permission.EXPORT_CONTACTS)
def export_consent_evidence(reference: str) -> ResponseReturnValue:
    """The bundle of evidence about this consent alone, as one ZIP file."""
    with transaction() as session:
        row = listing.by_reference(session, reference)
        owner = _owner(session, row)
        if owner is None:
            raise NotFound(
                "address_unknown",
                say("Nobody has this address any more."),
                say("Make the bundle with the command crusoe evidence; it asks for the address."),
            )
        files = bundle(session, address=owner.value, consent=str(row.reference), actor=acting().email)
    response = Response(packed(files), mimetype="application/zip")
    response.headers["Content-Disposition"] = 'attachment; filename="consent.zip"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _owner(session: Session, consent: Consent) -> Any:
    """The address in clear and the contact who has it, if the signed-in person may see that."""
    found = session.execute(
        select(Endpoint.value, Endpoint.contact_id).where(
            Endpoint.address_id == consent.address_id, Endpoint.channel == consent.channel
        )
    ).first()
    if found is not None:
        require_sight(session, found.contact_id, actor=acting())
    return found
