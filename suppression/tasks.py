"""Background work of this stage: services of lists are asked before somebody waits for their answer."""

import structlog

from core.db import transaction
from core.errors import CrusoeError
from core.tasks import job
from suppression.journal_gaps import mend
from suppression.journal_watch import beat, watch
from suppression.lists.checks import check, due

log = structlog.get_logger()


@job("suppression.ask_lists", every=300, alone=True)
def ask_lists() -> bool:
    """Ask the services that are set up: anew when their list is due, else only about people who are new.

    A service that does not answer is asked again next time; until then its list grows old, and holds.
    """
    for list_id, anew in due():
        try:
            check(list_id=list_id, actor="system", anew=anew)
        except CrusoeError as error:
            log.warning("list_not_asked", list=list_id, why=str(error))
    return False


@job("suppression.watch_journal", every=60, alone=True)
def look_into_journal() -> bool:
    """Make the journal whole, compare it with the database, and let it say that it is being written."""
    with transaction() as session:
        mend(session)
    with transaction() as session:
        sound = watch(session)
    if sound:
        with transaction() as session:
            beat(session)
    return False
