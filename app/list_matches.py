"""What lists kept back: messages of each campaign that were refused or held because a version named the address."""

from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from campaigns.models import Campaign
from delivery.models import Message
from suppression.models import ListVersion, StoredDecision


@dataclass(frozen=True)
class ListMatches:
    """Messages of one campaign that one list kept back, by the last decision about each."""

    list: str
    campaign: str
    blocked: int
    held: int


def per_campaign(session: Session) -> list[ListMatches]:
    """All lists that kept anything back, with the campaigns in the order of their codes."""
    later = aliased(StoredDecision)
    decided_again = exists().where(later.message_id == StoredDecision.message_id, later.id > StoredDecision.id)
    blocked, held = (func.count().filter(StoredDecision.verdict == verdict) for verdict in ("block", "hold"))
    rows = session.execute(
        select(ListVersion.list_id, Campaign.code, blocked, held)
        .select_from(StoredDecision)
        .join(ListVersion, ListVersion.id == StoredDecision.list_version_id)
        .join(Message, Message.id == StoredDecision.message_id)
        .join(Campaign, Campaign.run_id == Message.run_id)
        .where(StoredDecision.verdict != "send", ~decided_again)
        .group_by(ListVersion.list_id, Campaign.code)
        .order_by(ListVersion.list_id, Campaign.code)
    )
    return [ListMatches(*row) for row in rows]
