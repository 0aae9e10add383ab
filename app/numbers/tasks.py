"""The mail about too many messages in doubt."""

from app.numbers.alarms import warn_of_doubt
from app.numbers.reading import read_numbers
from core.db import transaction
from core.tasks import job


@job("app.warn_of_doubt", every=300, alone=True)
def warn() -> bool:
    """Look at the numbers, and write when too much is in doubt."""
    with transaction() as session:
        warn_of_doubt(session, read_numbers(session))
    return False
