"""Plan a campaign: create, change, find, list."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.mails import named
from campaigns.models import Campaign
from campaigns.states import SAID, CampaignState, allowed
from contacts.models import TrackingLevel
from core import audit, clock
from core.errors import NotAllowed, NotFound, WrongInput
from core.sentences import Sentence, say
from delivery import checked_windows
from delivery.models import Sender
from segments.models import Segment
from templates.models import Template

EDITABLE = frozenset(
    {
        CampaignState.DRAFT,
        CampaignState.CHECKED,
        CampaignState.SUBMITTED,
        CampaignState.APPROVED,
        CampaignState.SCHEDULED,
    }
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What somebody wants a campaign to be. Segment, template and sender by their codes.

    `topic` is one that people can switch off on the preference page; those who did get nothing of this campaign.
    `windows`: when its mails may leave (`delivery.pace.windows`); `most_late`: by how many minutes its start may be
    late, else it waits for somebody.
    """

    code: str
    name: str
    segment: str
    template: str
    sender: str
    purpose: str = "newsletter"
    topic: str | None = None
    tracking: TrackingLevel = TrackingLevel.INDIVIDUAL
    scheduled_at: datetime | None = None
    windows: Mapping[str, Any] | None = None
    most_late: int | None = None


def save(session: Session, *, plan: Plan, actor: str) -> Campaign:
    """Create the campaign or bring it to this plan. Any real change to one that was checked makes it a draft again."""
    wanted = _resolve(session, plan)
    campaign = session.scalar(select(Campaign).where(Campaign.code == plan.code))
    if campaign is None:
        campaign = Campaign(code=plan.code, state=CampaignState.DRAFT, author=actor, **wanted)
        session.add(campaign)
        session.flush()
        _note(session, campaign, actor=actor, action="campaign.create")
        return campaign
    changed = sorted(name for name, value in wanted.items() if getattr(campaign, name) != value)
    if changed:
        if campaign.state not in EDITABLE:
            raise NotAllowed(
                "campaign_fixed",
                say(
                    "Campaign %(code)s is %(state)s and cannot be changed any more.",
                    code=campaign.code,
                    state=SAID[campaign.state],
                ),
                say("Make a new campaign with another code."),
            )
        for name in changed:
            setattr(campaign, name, wanted[name])
        campaign.author = actor
        back_to_draft(session, campaign=campaign, actor=actor, why=f"changed: {', '.join(changed)}")
    return campaign


def _resolve(session: Session, plan: Plan) -> dict[str, object]:
    def by_code(table: type[Segment] | type[Template] | type[Sender], code: str, missing: Sentence) -> int:
        found = session.scalar(select(table.id).where(table.code == code))
        if found is None:
            field = table.__tablename__
            raise WrongInput(f"{field}_unknown", missing, where=field)
        return found

    if not plan.name.strip():
        raise WrongInput("name_missing", say("A campaign needs a name."), where="name")
    return {
        "name": plan.name.strip(),
        "segment_id": by_code(Segment, plan.segment, say("There is no segment %(code)s.", code=repr(plan.segment))),
        "template_id": by_code(
            Template, plan.template, say("There is no template %(code)s.", code=repr(plan.template))
        ),
        "sender_id": by_code(Sender, plan.sender, say("There is no sender %(code)s.", code=repr(plan.sender))),
        "purpose": plan.purpose,
        "topic": plan.topic,
        "tracking": plan.tracking,
        "scheduled_at": plan.scheduled_at,
        "windows": checked_windows(plan.windows),
        "most_late": plan.most_late,
    }


def find(session: Session, name: str | int) -> Campaign:
    """The campaign with this number or code."""
    campaign = session.scalar(select(Campaign).where(named(name)))
    if campaign is None:
        raise NotFound(
            "campaign_unknown",
            say("There is no campaign %(name)s.", name=str(name)[:60]),
            say("See `crusoe campaign list`."),
        )
    return campaign


def lock(session: Session, name: str | int) -> Campaign:
    """The campaign, held until the transaction ends, so that two people cannot take it two ways at once."""
    campaign = find(session, name)
    session.refresh(campaign, with_for_update=True)
    return campaign


def move(session: Session, *, campaign: Campaign, to: CampaignState, actor: str, reason: str | None = None) -> None:
    """Take a campaign to another state, if that step exists, and note who did it."""
    if not allowed(before=campaign.state, after=to):
        raise NotAllowed(
            "campaign_state",
            say(
                "Campaign %(code)s is %(state)s; it cannot become %(to)s.",
                code=campaign.code,
                state=SAID[campaign.state],
                to=SAID[to],
            ),
            _next_step(campaign.state),
        )
    before, campaign.state = campaign.state, to
    campaign.updated_at = clock.now()
    _note(session, campaign, actor=actor, action=f"campaign.{to}", reason=reason, before=before)


def back_to_draft(session: Session, *, campaign: Campaign, actor: str, why: str) -> None:
    """Void what was checked, submitted or approved: something in it is no longer what people looked at."""
    campaign.check_result = None
    campaign.submitted_by = None
    campaign.updated_at = clock.now()
    if campaign.state is CampaignState.DRAFT:
        _note(session, campaign, actor=actor, action="campaign.change", reason=why)
    else:
        move(session, campaign=campaign, to=CampaignState.DRAFT, actor=actor, reason=why)


def _next_step(state: CampaignState) -> str:
    return {
        CampaignState.DRAFT: say("Check it first, then submit it."),
        CampaignState.CHECKED: say("Submit it for approval."),
        CampaignState.SUBMITTED: say("Somebody else must approve it."),
        CampaignState.APPROVED: say("Launch it."),
    }.get(state, "")


def _note(
    session: Session, campaign: Campaign, *, actor: str, action: str, reason: str | None = None, **details: Any
) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        object_type="campaign",
        object_id=campaign.id,
        reason=reason,
        code=campaign.code,
        **details,
    )
