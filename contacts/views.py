"""The list of contacts. One person with everything that happened is a page of `app`, which may look into all stages."""

from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from contacts import listing
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.tables import Table
from core.web import blueprint, needs, page

routes = blueprint("contacts", url_prefix="/contacts")


def _table() -> Table:
    return listing.table({"b2c": _("private person"), "b2b": _("business")})


@routes.get("/")
@needs(Permission.SEE_CONTACTS)
def index() -> ResponseReturnValue:
    """Contacts, latest first, with search and filters."""
    found = listed(_table(), listing.source())
    return page("contacts/list.html", listing=found)


@routes.post("/export")
@needs(Permission.EXPORT_CONTACTS)
def export() -> ResponseReturnValue:
    """What the list shows as CSV. A POST, because taking personal data out is written down."""
    return table_as_csv(_table(), listing.source(), name="contacts")
