"""The background work of campaigns: start what is due, write audiences down, close what is finished."""

from sqlalchemy import select

from campaigns.conductor import SEND, finish, follow, start_due
from campaigns.models import Campaign
from campaigns.states import CampaignState
from core.db import transaction
from core.settings import settings
from core.tasks import job, ring
from delivery import plan
from delivery.models import Run
from segments import audience
from segments.models import Segment


@job("campaigns.materialise", every=3, alone=True)
def materialise() -> bool:
    """Write one chunk of one audience down; the first chunk is small so that the first mail leaves at once."""
    with transaction() as session:
        found = session.execute(
            select(Run.id, Segment.code)
            .join(Campaign, Campaign.run_id == Run.id)
            .join(Segment, Segment.id == Campaign.segment_id)
            .where(Campaign.state == CampaignState.SENDING, Run.planned_at.is_(None))
            .order_by(Campaign.id)
            .limit(1)
        ).first()
        if found is None:
            return False
        run_id, code = found
        plan(session, run_id=run_id, audience=audience(session, code))
        ring(session, SEND, times=settings().workers)
    return True


@job("campaigns.start_due", every=5)
def start_scheduled() -> bool:
    """Start campaigns whose time has come."""
    with transaction() as session:
        start_due(session)
    return False


@job("campaigns.finish", every=2, alone=True)
def close_finished() -> bool:
    """Mark campaigns as done when nothing of them is under way, and as paused when their run paused itself."""
    with transaction() as session:
        follow(session)
        finish(session)
    return False
