"""Background work: the anchor of the day."""

from core.db import transaction
from core.evidence_anchors import anchor_if_due
from core.tasks import job


@job("app.anchor", every=3600, alone=True)
def anchor() -> bool:
    """Sign where every chain of evidence stands, once a day."""
    with transaction() as session:
        anchor_if_due(session)
    return False
