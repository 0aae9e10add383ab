"""The background work of tracking."""

from core.db import transaction
from core.tasks import job, press
from tracking.consume import consume_spool, forget_old_files
from tracking.judging import judge_new

JUDGE = "tracking.judge"


@job("tracking.consume", every=2, alone=True)
def consume() -> bool:
    """Copy the spool of this machine into the ledger."""
    progress = consume_spool()
    if progress.rows:
        press(JUDGE)
    return progress.more


@job(JUDGE, every=5, alone=True)
def judge() -> bool:
    """Judge what is new."""
    with transaction() as session:
        return judge_new(session).more


@job("tracking.tidy", every=86_400, alone=True)
def tidy() -> bool:
    """Forget how far files were copied that are long gone."""
    with transaction() as session:
        forget_old_files(session)
    return False
