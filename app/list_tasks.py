"""Background work about lists that needs more than their own stage."""

from app.list_notices import warn_of_lists
from app.list_webhooks import tell_of_lists
from core import clock
from core.db import transaction
from core.tasks import job


@job("app.warn_of_lists", every=3600, alone=True)
def warn() -> bool:
    """Tell compliance about lists that grow old, and the systems that want to hear it."""
    with transaction() as session:
        warn_of_lists(session, now=clock.now())
        tell_of_lists(session, now=clock.now())
    return False
