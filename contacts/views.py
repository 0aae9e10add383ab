"""The list of contacts. One person with everything that happened is a page of `app`, which may look into all stages."""

import tempfile

from flask import request, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from contacts import listing
from core import audit, tables
from core.db import transaction
from core.permissions import Permission
from core.tables import Table
from core.web import acting, blueprint, needs, page

routes = blueprint("contacts", url_prefix="/contacts")


def _table() -> Table:
    return listing.table({"b2c": _("private person"), "b2b": _("business")})


@routes.get("/")
@needs(Permission.SEE_CONTACTS)
def index() -> ResponseReturnValue:
    """Contacts, latest first, with search and filters."""
    table = _table()
    with transaction() as session:
        found = tables.read(session, table, listing.source(), tables.ask(table, request.args))
    return page("contacts/list.html", listing=found)


@routes.post("/export")
@needs(Permission.EXPORT_CONTACTS)
def export() -> ResponseReturnValue:
    """What the list shows as CSV. A POST, because taking personal data out is written down."""
    table = _table()
    question = tables.ask(table, request.args)
    # Written to a file first: no transaction stays open for as long as somebody's line is slow.
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    with transaction() as session:
        for piece in tables.export(session, table, listing.source(), question):
            file.write(piece.encode())
        audit.record(
            session,
            actor=acting().email,
            user_id=acting().id,
            action="contacts.export",
            object_type="contacts",
            object_id="list",
            question=question.address(q=""),
        )
    file.seek(0)
    return send_file(file, mimetype="text/csv", as_attachment=True, download_name="contacts.csv")
