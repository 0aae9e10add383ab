"""Look up an address or its hash and see everything: may we write, why, since when, and what would change it."""

from dataclasses import dataclass
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.views import routes
from campaigns import why_by_id
from core.db import transaction
from core.errors import CrusoeError
from core.permissions import Permission
from core.web import needs, page
from suppression import (
    Entry,
    Found,
    Listing,
    OpenRequest,
    Reserved,
    VerdictNow,
    consents_of,
    entries,
    every_verdict_now,
    listings,
    look_up,
    open_requests,
    reservations,
)

MOST = 200


@dataclass(frozen=True)
class Dossier:
    """Everything about one address, whether or not a contact still has it."""

    about: Found
    verdicts: list[VerdictNow]
    entries: list[Entry]
    asked: dict[int, OpenRequest]
    listings: list[Listing]
    consents: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    reserved: list[Reserved]


@routes.get("/look-up")
@needs(Permission.EDIT_SUPPRESSION)
def look_up_address() -> ResponseReturnValue:
    """The page; what is looked up stands in the address bar, as in the search of the suppression page."""
    what, error, found = request.args.get("what", "").strip(), None, None
    with transaction() as session:
        try:
            found = _dossier(session, what) if what else None
        except CrusoeError as mistake:
            error = mistake
    return page("app/look_up.html", what=what, found=found, error=error)


def _dossier(session: Session, what: str) -> Dossier | None:
    about = look_up(session, what)
    if about is None:
        return None
    number = about.address_id
    known = entries(session, address_id=number)
    return Dossier(
        about=about,
        verdicts=every_verdict_now(session, address_id=number),
        entries=known,
        asked={one.entry_id: one for one in open_requests(session, entry_ids=[entry.id for entry in known])},
        listings=listings(session, address_id=number),
        consents=[_steps(consent) for consent in consents_of(session, number)],
        decisions=why_by_id(session, address_id=number)[:MOST],
        reserved=reservations(session, address_id=number),
    )


def _steps(consent: dict[str, Any]) -> dict[str, Any]:
    """The record of a consent with the proof of each step apart, to be shown as it is stored."""
    proof = ("step", "at")
    return consent | {
        "steps": [
            {
                "step": step["step"],
                "at": step["at"],
                "evidence": {name: step[name] for name in step if name not in proof},
            }
            for step in consent["steps"]
        ]
    }
