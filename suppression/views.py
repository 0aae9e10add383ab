"""Look up an address, see our entries and the lists."""

from dataclasses import fields

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import email_address, find_address
from contacts.models import Endpoint
from core.db import transaction
from core.errors import CrusoeError
from core.exporting import rows_as_csv, table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.web import blueprint, needs, page
from suppression.entries import entries
from suppression.lists.standing import ListStatus, status
from suppression.lookup import listings, verdicts_now
from suppression.models import SuppressionEntry
from suppression.overview import table

routes = blueprint("suppression", url_prefix="/suppression")


@routes.get("/")
@needs(Permission.SEE_SUPPRESSION)
def index() -> ResponseReturnValue:
    """The search box, what is known about an address, the lists and the latest entries."""
    address = request.args.get("address", "").strip()
    listing = listed(table(), select(SuppressionEntry))
    with transaction() as session:
        found, wrong = _found(session, address)
        return page(
            "suppression/index.html",
            address=address,
            found=found,
            lists=status(session),
            listing=listing,
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
