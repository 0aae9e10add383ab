"""Background work: the anchor of the day, and bundles about campaigns."""

from app.evidence import bundle_jobs
from core.db import transaction
from core.evidence_anchors import anchor_if_due
from core.tasks import job


@job("app.anchor", every=3600, alone=True)
def anchor() -> bool:
    """Sign where every chain of evidence stands, once a day."""
    with transaction() as session:
        anchor_if_due(session)
    return False


@job(bundle_jobs.JOB, every=5, alone=True)
def make_bundles() -> bool:
    """Make one bundle that somebody asked for."""
    with transaction() as session:
        taken = bundle_jobs.take(session)
    if taken is None:
        return False
    bundle_jobs.make(taken)
    return True


@job("app.tidy_bundles", every=3600, alone=True)
def tidy_bundles() -> bool:
    """Remove bundles that nobody fetched for a week: they hold personal data."""
    bundle_jobs.tidy()
    return False
