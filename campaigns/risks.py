"""What a campaign risks, so that compliance has to agree to it, too: no consent, many people, a new country.

Files for other channels and the release of holds are not among it: both are in the hands of compliance anyway.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models import Campaign
from contacts.models import Contact
from core.permissions import Permission
from core.sentences import Count, Sentence, say
from core.settings import Approvals, settings
from core.users import Actor
from segments import members
from segments.models import Segment
from suppression import Basis, current


def risks(*, numbers: Mapping[str, Any], countries: Iterable[str], markets: Iterable[str], most: int) -> list[Sentence]:
    """Every risk as a sentence, of the numbers of a check and the countries of the audience. Pure."""
    found = []
    customers, people = numbers.get("reasons", {}).get(Basis.EXISTING_CUSTOMER.value, 0), numbers.get("send", 0)
    if customers:
        found.append(say("%(count)s people are written to as customers, without consent", count=Count(customers)))
    if people > most:
        found.append(say("%(count)s people get it, more than %(most)s", count=Count(people), most=Count(most)))
    if new := sorted(set(countries) - set(markets)):
        found.append(say("it goes to countries in which the company has no market: %(new)s", new=", ".join(new)))
    return found


def risks_of(session: Session, campaign: Campaign) -> list[Sentence]:
    """What this campaign risks, by its last check and the countries of its segment now."""
    segment = session.get_one(Segment, campaign.segment_id)
    inside = members(session, segment.code).subquery()
    countries = session.scalars(
        select(Contact.country).join(inside, inside.c.contact_id == Contact.id).where(Contact.country.is_not(None))
        .distinct()
    )  # fmt: skip
    return risks(
        numbers=campaign.check_result or {},
        countries=[str(one) for one in countries],
        markets=current(session).settings.markets,
        most=settings().approval_most,
    )


def still_needed(session: Session, campaign: Campaign, *, actor: Actor | None = None) -> list[Sentence]:
    """Why compliance has to agree, too; empty when one other person is enough, or when `actor` is from compliance."""
    if settings().approvals_needed is Approvals.ONE or (actor and actor.may(Permission.APPROVE_RISKS)):
        return []
    return risks_of(session, campaign)
