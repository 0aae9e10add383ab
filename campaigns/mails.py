"""The mails to one address, with the campaign that each belongs to."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import InstrumentedAttribute

from campaigns.models import Campaign
from delivery.models import Message, Run

# Whatever is longer is the number of nothing: ids are 64 bits.
LONGEST_NUMBER = 18


def named(name: str | int) -> ColumnElement[bool]:
    """Whether a campaign is the one with this number or code."""
    text = str(name)
    if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER:
        return Campaign.id == int(text)
    return Campaign.code == text


Attribute = InstrumentedAttribute[Any] | ColumnElement[Any]


def mails_to(address_id: int, *columns: Attribute, campaign: str | None) -> Select[Any]:
    """A query for every message to this address: `columns` of it and its run, then `campaign_id` and `campaign` (code).

    The argument `campaign` (code or number) narrows it. It goes through the runs, because the unique key of messages
    begins with them: no index of its own is needed.
    """
    query = (
        select(*columns, Campaign.id.label("campaign_id"), Campaign.code.label("campaign"))
        .select_from(Run)
        .join(Message, and_(Message.run_id == Run.id, Message.address_id == address_id))
        .outerjoin(Campaign, Campaign.run_id == Run.id)
    )
    return query if campaign is None else query.where(named(campaign))
