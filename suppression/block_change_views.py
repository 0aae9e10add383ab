"""Who changed the block list: the page for whoever reviews it."""

from flask.typing import ResponseReturnValue

from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.web import needs, page
from suppression import block_changes
from suppression.views import routes


@routes.get("/blocks/changes")
@needs(Permission.SEE_AUDIT)
def block_list_changes() -> ResponseReturnValue:
    """Every change of the block list, the newest first."""
    listing = listed(block_changes.table(), block_changes.source())
    return page("suppression/block_changes.html", listing=listing, actions=block_changes.actions())


@routes.post("/blocks/changes/export")
@needs(Permission.SEE_AUDIT)
def export_block_changes() -> ResponseReturnValue:
    """What the list shows as CSV."""
    return table_as_csv(block_changes.table(), block_changes.source(), name="block_changes")
