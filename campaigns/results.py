"""What became of a campaign, in numbers that add up."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from campaigns.models import Campaign
from campaigns.notes import Clock, iso, sentences
from core.errors import NotAllowed
from core.sentences import joined, say
from delivery import report as delivery_report
from tracking import counts


def report(session: Session, *, campaign: Campaign, clock: Clock = iso) -> dict[str, Any]:
    """Every recipient once, by what happened to the message, and what the recipients did.

    `note`, only when there is something to say: what is waited for, and what did not go well.
    """
    if campaign.run_id is None:
        raise NotAllowed(
            "not_launched",
            say("Campaign %(code)s was not launched yet.", code=campaign.code),
            say("There is nothing to report."),
        )
    numbers = delivery_report(session, run_id=campaign.run_id)
    said = sentences(session, run_id=campaign.run_id, numbers=numbers, clock=clock)
    return {
        "campaign": campaign.code,
        "state": campaign.state,
        **numbers,
        **asdict(counts(session, run_id=campaign.run_id)),
        **({"note": joined(said, by=" ")} if said else {}),
    }
