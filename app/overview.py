"""What the dashboard shows: what waits for this person, what runs, what is late."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.evidence.time_stamps import standing
from campaigns.models import Campaign
from campaigns.states import CampaignState
from contacts.models import Contact
from core import clock
from core.permissions import Permission
from core.users import Actor
from delivery import report
from lead_handover.models import Handover, LeadState
from suppression import ListStatus, open_requests, status, versions

SHOWN = 10


@dataclass(frozen=True)
class CampaignLine:
    """One campaign as a line of the dashboard."""

    code: str
    name: str
    state: CampaignState
    run_id: int | None
    submitted_by: str | None
    updated_at: datetime
    ended: int = 0
    audience: int = 0


@dataclass(frozen=True)
class Overview:
    """Numbers and lists for one person. What the role may not see is absent (None)."""

    contacts: int | None
    lists: list[ListStatus]
    waiting: list[CampaignLine]
    running: list[CampaignLine]
    leads_open: int | None
    leads_overdue: int | None
    lifts: int | None
    rules: int | None
    # What the service for time stamps said last, as long as the newest anchor has none.
    unstamped: dict[str, Any] | None


def read(session: Session, *, actor: Actor) -> Overview:
    """Everything for the dashboard of this person, in a handful of queries."""
    campaigns = actor.may(Permission.SEE_CAMPAIGNS)
    leads = actor.may(Permission.SEE_LEADS)
    return Overview(
        unstamped=standing(session).trouble if actor.may(Permission.SEE_AUDIT) else None,
        contacts=session.scalar(select(func.count(Contact.id))) if actor.may(Permission.SEE_CONTACTS) else None,
        lists=status(session) if actor.may(Permission.SEE_SUPPRESSION) else [],
        waiting=_campaigns(session, CampaignState.SUBMITTED) if campaigns else [],
        running=_campaigns(session, CampaignState.SENDING, CampaignState.PAUSED) if campaigns else [],
        leads_open=_leads(session) if leads else None,
        leads_overdue=_leads(session, due_before=clock.now()) if leads else None,
        lifts=_lifts(session, actor) if actor.may(Permission.EDIT_SUPPRESSION) else None,
        rules=_rules(session, actor) if actor.may(Permission.ACTIVATE_RULES) else None,
    )


def _lifts(session: Session, actor: Actor) -> int:
    """Requests to lift a block that this person may answer."""
    return sum(one.asked_by != actor.email for one in open_requests(session))


def _rules(session: Session, actor: Actor) -> int | None:
    """The newest version of the rules, when it waits for this person; nobody puts into force what they proposed."""
    newest = next(iter(versions(session)), None)
    waits = newest is not None and newest.activated_at is None and newest.proposed_by != actor.email
    return newest.version if newest is not None and waits else None


def _campaigns(session: Session, *states: CampaignState) -> list[CampaignLine]:
    rows = session.execute(
        select(
            Campaign.code,
            Campaign.name,
            Campaign.state,
            Campaign.run_id,
            Campaign.submitted_by,
            Campaign.updated_at,
        )
        .where(Campaign.state.in_(states))
        .order_by(Campaign.updated_at.desc())
        .limit(SHOWN)
    )
    return [_with_progress(session, CampaignLine(*row)) for row in rows]


def _with_progress(session: Session, line: CampaignLine) -> CampaignLine:
    """At most a handful of campaigns run at a time, so a query for each is fine."""
    if line.run_id is None:
        return line
    numbers = report(session, run_id=line.run_id)
    return replace(
        line, audience=numbers["audience"], ended=numbers["audience"] - numbers["in_flight"] - numbers["deferred"]
    )


def _leads(session: Session, *, due_before: datetime | None = None) -> int:
    wanted = select(func.count(Handover.id)).where(Handover.state.in_((LeadState.OPEN, LeadState.ESCALATED)))
    if due_before is not None:
        wanted = wanted.where(Handover.due_at < due_before)
    return session.scalar(wanted) or 0
