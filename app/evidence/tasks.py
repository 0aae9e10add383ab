"""Background work: the anchor of the day, its time stamp, and bundles about campaigns."""

from app.evidence import bundle_jobs, time_stamps
from core.db import transaction
from core.evidence_anchors import anchor_if_due
from core.tasks import job, ring


@job("app.anchor", every=3600, alone=True)
def anchor() -> bool:
    """Sign where every chain of evidence stands, once a day."""
    with transaction() as session:
        if anchor_if_due(session):
            ring(session, time_stamps.JOB)
    return False


@job(time_stamps.JOB, every=600)
def stamp_anchors() -> bool:
    """Have the newest anchor stamped, where a service is named; one that did not answer is asked again."""
    time_stamps.stamp_newest()
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
