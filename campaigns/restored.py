"""Campaigns after a restore: what was about to be sent, or was sent meanwhile, is not sent by itself."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.conductor import follow
from campaigns.models import Campaign
from campaigns.service import back_to_draft, move
from campaigns.states import CampaignState
from core.sentences import say

# One step away from being sent, so perhaps sent since the backup.
WAITING = (CampaignState.SUBMITTED, CampaignState.APPROVED, CampaignState.SCHEDULED)


def set_campaigns_aside(session: Session) -> int:
    """Take what waited for its launch back to draft, and pause what was being sent; answers how many of the first."""
    why = say("the database was restored; this campaign may have been sent after the backup")
    found = session.scalars(select(Campaign).where(Campaign.state.in_(WAITING)).with_for_update()).all()
    for campaign in found:
        back_to_draft(session, campaign=campaign, actor="system", why=why)
    follow(session)
    return len(found)


@dataclass(frozen=True)
class Launched:
    """Campaigns of which the journal says that they were launched: ended now, or unknown to this database."""

    ended: tuple[str, ...]
    unknown: tuple[str, ...]


def end_launched(session: Session, *, codes: Iterable[str]) -> Launched:
    """End the campaigns that were launched after the backup: who got them is not known, so nobody gets them again."""
    wanted = set(codes)
    found = session.scalars(select(Campaign).where(Campaign.code.in_(wanted)).with_for_update()).all()
    lost = [one for one in found if one.run_id is None and one.state is not CampaignState.CANCELLED]
    for campaign in lost:
        why = say("it was launched after the backup that was restored; who got it is not known here")
        move(session, campaign=campaign, to=CampaignState.CANCELLED, actor="system", reason=why)
    unknown = wanted - {one.code for one in found}
    return Launched(tuple(sorted(one.code for one in lost)), tuple(sorted(unknown)))
