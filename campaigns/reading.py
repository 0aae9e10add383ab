"""What the pages of campaigns show, read in a handful of queries."""

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, and_, func, or_, select, text
from sqlalchemy.orm import Session

from campaigns.models import Approval, Campaign
from campaigns.states import CampaignState
from contacts.models import Contact
from core.tables import Column, Table, contains
from delivery.models import Message, Run, Sender
from delivery.states import MessageState
from segments.models import Segment
from suppression.models import StoredDecision
from templates import latest
from templates.models import Template, TemplateVersion


@dataclass(frozen=True)
class Detail:
    """A campaign with what it refers to, who agreed to it, and why messages of its run were kept back."""

    campaign: Campaign
    segment: Segment
    template: Template
    version: TemplateVersion
    sender: Sender
    approvals: list[Approval]
    kept_back: list[tuple[str, str, int]]
    released: list[str]
    # The brake stopped it: it goes on for a reason only.
    is_braked: bool


def table(states: dict[str, str]) -> Table:
    """The columns of the list; `states` says what the states are called."""
    return Table(
        columns=(
            Column("id", _("No."), Campaign.id, number=True),
            Column("name", _("Name"), Campaign.name),
            Column("state", _("State"), Campaign.state, sortable=False, choices=states),
            Column("segment", _("To whom"), Segment.name, sortable=False),
            Column("template", _("What"), Template.name, sortable=False),
            Column("author", _("Author"), Campaign.author, sortable=False),
            Column("updated_at", _("Changed"), Campaign.updated_at),
        ),
        hidden=(Column("code", _("Code"), Campaign.code),),
        key=Campaign.id,
        sort="id",
        export="campaigns.export",
        descending=True,
        search=contains(Campaign.code, Campaign.name),
    )


def source() -> Select[Any]:
    """Campaigns with the names of what they refer to."""
    joined = select(Campaign).join(Segment, Segment.id == Campaign.segment_id)
    return joined.join(Template, Template.id == Campaign.template_id)


def detail(session: Session, campaign: Campaign) -> Detail:
    """Everything for the page of one campaign."""
    run = session.get(Run, campaign.run_id) if campaign.run_id else None
    return Detail(
        campaign=campaign,
        segment=session.get_one(Segment, campaign.segment_id),
        template=session.get_one(Template, campaign.template_id),
        version=latest(session, template_id=campaign.template_id),
        sender=session.get_one(Sender, campaign.sender_id),
        approvals=list(
            session.scalars(select(Approval).where(Approval.campaign_id == campaign.id).order_by(Approval.id.desc()))
        ),
        kept_back=kept_back(session, run_id=campaign.run_id) if campaign.run_id else [],
        released=list(run.released) if run else [],
        is_braked=run is not None and run.braked_at is not None,
    )


def kept_back(session: Session, *, run_id: int) -> list[tuple[str, str, int]]:
    """State, first reason and number of the messages of a run that were held or blocked.

    A message points to the decision of the gate; one that never came there has only that of the plan.
    """
    reason = StoredDecision.reasons[1]
    rows = session.execute(
        select(Message.state, reason, func.count())
        .join(
            StoredDecision,
            and_(
                StoredDecision.message_id == Message.id,
                or_(Message.decision_id.is_(None), Message.decision_id == StoredDecision.id),
            ),
        )
        .where(Message.run_id == run_id, Message.state.in_((MessageState.HELD, MessageState.BLOCKED)))
        .group_by(Message.state, reason)
        .order_by(func.count().desc())
    )
    return [(row[0].value, row[1], row[2]) for row in rows]


def named_samples(session: Session, samples: dict[str, list[int]]) -> dict[str, list[tuple[int, str]]]:
    """The sampled contacts of each reason with their names; erased ones are left out."""
    wanted = {contact for contacts in samples.values() for contact in contacts}
    rows = session.execute(select(Contact.id, Contact.first_name, Contact.last_name).where(Contact.id.in_(wanted)))
    names = {row.id: " ".join(filter(None, (row.first_name, row.last_name))) or f"#{row.id}" for row in rows}
    return {
        code: [(contact, names[contact]) for contact in contacts if contact in names]
        for code, contacts in samples.items()
    }


def answers_by_hour(session: Session, *, run_id: int) -> dict[str, list[float]]:
    """Opens and clicks of people per hour: `times` in seconds since 1970, `opens`, `clicks`."""
    rows = session.execute(
        text(
            "SELECT extract(epoch FROM date_trunc('hour', at)) AS hour,"
            " count(*) FILTER (WHERE kind = 'open') AS opens, count(*) FILTER (WHERE kind = 'click') AS clicks"
            " FROM event WHERE run_id = :run AND verdict = 'human' AND kind IN ('open', 'click')"
            " GROUP BY 1 ORDER BY 1 LIMIT 1000"
        ),
        {"run": run_id},
    ).all()
    return {
        "times": [float(row.hour) for row in rows],
        "opens": [row.opens for row in rows],
        "clicks": [row.clicks for row in rows],
    }


def choices(session: Session) -> dict[str, list[tuple[str, str]]]:
    """What a campaign may refer to: code and name of every segment, template and sender."""
    templates = select(Template.code, Template.name).where(Template.archived_at.is_(None)).order_by(Template.code)
    segments = select(Segment.code, Segment.name).order_by(Segment.code)
    senders = select(Sender.code, Sender.from_name).order_by(Sender.code)
    return {
        name: [(code, f"{label} ({code})") for code, label in session.execute(query)]
        for name, query in (("segments", segments), ("templates", templates), ("senders", senders))
    }


LAUNCHED = frozenset({CampaignState.SENDING, CampaignState.PAUSED, CampaignState.DONE, CampaignState.CANCELLED})
