"""A database that falls behind its journal while everything runs, as when a replica takes over, is seen and settled."""

from app.restore.settling import settle
from core.db import transaction
from core.tasks import job


@job("app.settle_quarantine", every=30, alone=True)
def settle_quarantine() -> bool:
    """Set aside what may have been sent, when a quarantine began without `crusoe restore`."""
    with transaction() as session:
        settle(session)
    return False
