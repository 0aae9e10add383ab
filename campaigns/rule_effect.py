"""What a change of the rules would do to the campaigns that are planned: how many people change sides, and why."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.checks import question_of
from campaigns.models import Campaign
from campaigns.states import CampaignState
from segments import audience
from segments.models import Segment
from suppression import Assessment, RulesInForce, assess, current

# A campaign that is over is not changed by anything.
OVER = frozenset({CampaignState.DONE, CampaignState.CANCELLED})


@dataclass(frozen=True)
class Moved:
    """So many people get another verdict, or the same one for another first reason."""

    people: int
    verdict_before: str
    code_before: str
    verdict_after: str
    code_after: str


@dataclass(frozen=True)
class Effect:
    """One campaign under both rules. `before` and `after`: verdict → people."""

    campaign: str
    name: str
    state: CampaignState
    audience: int
    before: dict[str, int]
    after: dict[str, int]
    moved: tuple[Moved, ...]


def effects(session: Session, *, rules: RulesInForce) -> list[Effect]:
    """Decide about the audience of every campaign that is not over, by the rules in force and by these.

    Nothing is stored but the hits of addresses that were not looked up in the lists yet.
    """
    in_force = current(session)
    planned = session.scalars(select(Campaign).where(Campaign.state.not_in(OVER)).order_by(Campaign.id))
    return [_effect(session, campaign, in_force, rules) for campaign in planned]


def _effect(session: Session, campaign: Campaign, in_force: RulesInForce, rules: RulesInForce) -> Effect:
    segment = session.get_one(Segment, campaign.segment_id)
    before, after = (
        assess(
            session,
            audience=audience(session, segment.code),
            question=question_of(session, campaign),
            rules=one,
        )
        for one in (in_force, rules)
    )
    return Effect(
        campaign=campaign.code,
        name=campaign.name,
        state=campaign.state,
        audience=before.audience,
        before=_verdicts(before),
        after=_verdicts(after),
        moved=_moved(session, before, after),
    )


def _verdicts(found: Assessment) -> dict[str, int]:
    people = Counter[str]()
    for decision, many in found.situations:
        people[decision.verdict.value] += many
    return dict(people)


def _moved(session: Session, before: Assessment, after: Assessment) -> tuple[Moved, ...]:
    old, new = before.rows.alias("old"), after.rows.alias("new")
    sides = (old.c.verdict, old.c.code, new.c.verdict, new.c.code)
    people = func.count()
    rows = session.execute(
        select(people, *sides)
        .select_from(old.join(new, new.c.address_id == old.c.address_id))
        .where((old.c.verdict != new.c.verdict) | (old.c.code != new.c.code))
        .group_by(*sides)
        .order_by(people.desc())
    )
    return tuple(Moved(row[0], str(row[1]), row[2], str(row[3]), row[4]) for row in rows)
