"""Campaigns that wait for an approval, each beside what was approved last."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from campaigns.comparison import Counted, Difference, everything, numbers
from campaigns.models import Approval, Campaign
from campaigns.seen import seen_now, seen_then
from campaigns.states import CampaignState

MOST = 100


@dataclass(frozen=True)
class Changes:
    """What is different from what was approved last. `approval` and `other` are None when nothing like it ever was.

    `other`: the campaign whose approval it is, when this one never had one.
    """

    campaign: Campaign
    approval: Approval | None
    other: Campaign | None
    differences: list[Difference]
    numbers: list[Counted]

    @property
    def parts(self) -> list[str]:
        """The names of the bound parts that are different, each once."""
        return list(dict.fromkeys(one.part for one in self.differences))


def changes(session: Session, campaign: Campaign) -> Changes:
    """A campaign as it is now beside its last approval, or that of the latest one with its template or segment."""
    now = seen_now(session, campaign)
    approval = _last(session, Approval.campaign_id == campaign.id) or _last(session, _like(campaign))
    if approval is None:
        return Changes(campaign, None, None, [], numbers({}, now.numbers))
    then = seen_then(session, approval)
    found = everything(then.shown, now.shown, bound_before=then.bound, bound_after=now.bound)
    other = None if approval.campaign_id == campaign.id else session.get_one(Campaign, approval.campaign_id)
    return Changes(campaign, approval, other, found, numbers(then.numbers, now.numbers))


def waiting(session: Session) -> list[Changes]:
    """Every campaign that waits for an approval, the one that waits longest first."""
    found = select(Campaign).where(Campaign.state == CampaignState.SUBMITTED).order_by(Campaign.updated_at).limit(MOST)
    return [changes(session, campaign) for campaign in session.scalars(found).all()]


def _like(campaign: Campaign) -> ColumnElement[bool]:
    same = select(Campaign.id).where(
        or_(Campaign.template_id == campaign.template_id, Campaign.segment_id == campaign.segment_id)
    )
    return Approval.campaign_id.in_(same)


def _last(session: Session, condition: ColumnElement[bool]) -> Approval | None:
    query = select(Approval).where(Approval.action == "approve", condition).order_by(Approval.id.desc()).limit(1)
    return session.scalar(query)
