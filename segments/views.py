"""Segments: the list, and one of them with its sentences, its size, and why somebody is in it or not."""

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from contacts import find_address
from contacts.models import Contact, Endpoint
from core.db import transaction
from core.errors import CrusoeError, NotFound
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.sentences import say
from core.web import blueprint, needs, page
from segments import listing
from segments.definition import walk
from segments.reading import parse, write_yaml
from segments.service import Line, count, explain, get, sample
from segments.wording import sentence

routes = blueprint("segments", url_prefix="/segments")


@routes.get("/")
@needs(Permission.SEE_SEGMENTS)
def index() -> ResponseReturnValue:
    """All segments."""
    found = listed(listing.table(), listing.source())
    return page("segments/list.html", listing=found)


@routes.post("/export")
@needs(Permission.SEE_SEGMENTS)
def export() -> ResponseReturnValue:
    """What the list shows as CSV."""
    return table_as_csv(listing.table(), listing.source(), name="segments")


@routes.get("/<code>")
@needs(Permission.SEE_SEGMENTS)
def show(code: str) -> ResponseReturnValue:
    """One segment. `?who=` asks why a contact is in it or not."""
    who = request.args.get("who", "").strip()
    with transaction() as session:
        segment = get(session, code)
        definition = parse(segment.definition)
        lines, wrong = _why(session, code, who)
        return page(
            "segments/show.html",
            segment=segment,
            sentences=[(depth, sentence(node)) for _path, depth, node in walk(definition.root)],
            yaml=write_yaml(definition),
            who=who,
            lines=lines,
            error=wrong,
        )


@routes.get("/<code>/size")
@needs(Permission.SEE_SEGMENTS)
def size(code: str) -> ResponseReturnValue:
    """How many fit and a few of them: a part of the page of its own, because it may take a second."""
    try:
        with transaction() as session:
            definition = parse(get(session, code).definition)
            found, people = count(session, definition, code=code), sample(session, definition, code=code)
    except CrusoeError as error:
        return page("segments/size.html", size=None, people=[], error=error)
    return page("segments/size.html", size=found, people=people, error=None)


def _why(session: Session, code: str, who: str) -> tuple[list[Line], CrusoeError | None]:
    if not who:
        return [], None
    try:
        return explain(session, code, _contact(session, who)), None
    except CrusoeError as error:
        return [], error


def _contact(session: Session, who: str) -> int:
    if "@" in who:
        address = find_address(session, who)
        found = session.scalar(select(Endpoint.contact_id).where(Endpoint.address_id == address))
    else:
        number = int(who) if who.isdigit() and len(who) < len(str(2**62)) else 0
        found = session.scalar(select(Contact.id).where(or_(Contact.number == who, Contact.id == number)).limit(1))
    if found is None:
        raise NotFound(
            "contact_unknown",
            say("There is no contact %(who)s.", who=who),
            say("Give an address or a customer number."),
        )
    return found
