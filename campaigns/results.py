"""What became of a campaign, in numbers that add up."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from campaigns.models import Campaign
from core.errors import NotAllowed
from delivery import report as delivery_report
from tracking import counts


def report(session: Session, *, campaign: Campaign) -> dict[str, Any]:
    """Every recipient once, by what happened to the message, and what the recipients did."""
    if campaign.run_id is None:
        raise NotAllowed(
            "not_launched", f"Campaign {campaign.code} was not launched yet.", "There is nothing to report."
        )
    return {
        "campaign": campaign.code,
        "state": campaign.state,
        **delivery_report(session, run_id=campaign.run_id),
        **asdict(counts(session, run_id=campaign.run_id)),
    }
