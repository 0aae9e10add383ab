"""The page of one do-not-contact list: what it is, its versions, what it kept back, and how to take it out of use."""

from flask.typing import ResponseReturnValue

from app.list_matches import per_campaign
from app.views import routes
from core.db import transaction
from core.permissions import Permission
from core.web import needs, page
from suppression import list_contract, list_history, status


@routes.get("/lists/<list_id>")
@needs(Permission.SEE_SUPPRESSION)
def one_list(list_id: str) -> ResponseReturnValue:
    """Everything about one list."""
    spec = list_contract(list_id)
    with transaction() as session:
        return page(
            "app/list.html",
            spec=spec,
            shown=next(found for found in status(session, every=True) if found.list == list_id),
            history=list_history(session, list_id=list_id),
            matches=[found for found in per_campaign(session) if found.list == list_id],
        )
