"""The background work of imports: read uploads in, tidy up what is no longer needed."""

from sqlalchemy import select

from app.imports import jobs, storage
from app.imports.models import ImportJob, ImportState
from app.imports.storage import Folder
from app.imports.work import perform
from core.db import transaction
from core.tasks import job

KEPT_DAYS = 30


@job(jobs.JOB, every=5)
def import_next() -> bool:
    """Import one uploaded file."""
    with transaction() as session:
        taken = jobs.take(session)
    if taken is None:
        return False
    perform(taken)
    return True


@job("app.tidy_imports", every=3600, alone=True)
def tidy_imports() -> bool:
    """Remove uploads of imports that have ended, and rejected rows after 30 days: both are personal data."""
    with transaction() as session:
        states = {row.id: row.state for row in session.execute(select(ImportJob.id, ImportJob.state))}
    for folder, age in list(storage.folders()):
        _tidy(folder, days=age / storage.DAY, state=states.get(folder.import_id))
    storage.tidy_files(older_than=KEPT_DAYS * storage.DAY)
    return False


def _tidy(folder: Folder, *, days: float, state: ImportState | None) -> None:
    """Without a row, a folder belongs to a request that is not over, or never ended well."""
    if state in jobs.OPEN:
        return
    if days > (KEPT_DAYS if state else 1):
        folder.remove()
    elif state:
        folder.drop_upload()
