"""Why a campaign has no message for somebody: it was never about this person, and what can still be said about that."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models import Campaign
from contacts.models import Contact, Endpoint
from core.sentences import Sentence, say
from delivery.models import Run
from segments import Line, explain
from segments.models import Segment


@dataclass(frozen=True)
class Absent:
    """What is known: sentences, and the conditions of the segment as they hold for the person now.

    `inside`: whether the person is in the segment now; None when nobody has the address any more.
    """

    campaign: str
    sentences: list[Sentence]
    planned_at: datetime | None = None
    inside: bool | None = None
    lines: list[Line] = field(default_factory=list)


def absent(session: Session, *, campaign: Campaign, address_id: int | None) -> Absent:
    """Say why there is no message: not planned yet, nobody has the address, came too late, or not in the segment."""
    run = session.get(Run, campaign.run_id) if campaign.run_id else None
    planned_at = run.created_at if run else None
    if run is None:
        first = say("Campaign %(code)s was not launched yet, so nobody has a message of it.", code=campaign.code)
    else:
        first = say("Campaign %(code)s has no message for this address.", code=campaign.code)
    contact = session.scalar(
        select(Contact).join(Endpoint, Endpoint.contact_id == Contact.id).where(Endpoint.address_id == address_id)
    )
    if contact is None:
        nobody = say("No contact has this address now.")
        return Absent(campaign=campaign.code, sentences=[first, nobody], planned_at=planned_at)
    sentences = [first]
    if planned_at is not None and contact.created_at > planned_at:
        sentences.append(say("The contact was stored after the campaign had been planned."))
    lines = explain(session, session.get_one(Segment, campaign.segment_id).code, contact.id)
    inside = bool(lines and lines[0].holds)
    sentences.append(
        say("The person is in the segment now; whoever joins after the planning is not written to.")
        if inside and planned_at is not None
        else say("The person is in the segment now.")
        if inside
        else say("The person is not in the segment of this campaign now; the conditions below say where it fails.")
    )
    return Absent(campaign=campaign.code, sentences=sentences, planned_at=planned_at, inside=inside, lines=lines)
