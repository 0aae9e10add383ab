"""Background work: terms of retention are carried out every hour, a portion at a time."""

from app.rights import kinds  # noqa: F401 - imported for the kinds of data
from core.db import transaction
from core.retention import PORTION, carry_out
from core.tasks import job


@job("app.retention", every=3600, alone=True)
def retention() -> bool:
    """Remove what is over its term."""
    with transaction() as session:
        gone = carry_out(session)
    return any(count >= PORTION for count in gone.values())
