"""Four eyes: one person submits, another approves exactly what was submitted."""

from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from campaigns.binding import DOCUMENT, PARTS, bound, differences, digest
from campaigns.checks import require_fresh_check
from campaigns.models import CHAIN, Approval, Campaign
from campaigns.risks import still_needed
from campaigns.seen import keep
from campaigns.service import back_to_draft, move
from campaigns.states import CampaignState
from core.errors import NotAllowed
from core.evidence import open_batch, seal
from core.permissions import Permission
from core.sentences import Sentence, joined, say
from core.users import Actor
from templates import freeze, latest

# Somebody agreed, and compliance has to, too.
IN_PART = "approve_in_part"


def submit(session: Session, *, campaign: Campaign, actor: Actor) -> None:
    """Ask for approval of what was checked; the wording is frozen from here on."""
    actor.require(Permission.SUBMIT_CAMPAIGNS)
    values = require_fresh_check(session, campaign=campaign)
    move(session, campaign=campaign, to=CampaignState.SUBMITTED, actor=actor.email)
    freeze(session, version=latest(session, template_id=campaign.template_id))
    campaign.submitted_by = actor.email
    _store(session, campaign=campaign, action="submit", actor=actor, values=values)


def approve(session: Session, *, campaign: Campaign, actor: Actor, reason: str | None = None) -> list[Sentence]:
    """Agree to what was submitted. Refused to its author and submitter, and when anything has changed meanwhile.

    Answers why compliance has to agree, too; then it waits on. Empty when it is approved. An approval by compliance is
    enough by itself.
    """
    actor.require(Permission.APPROVE_CAMPAIGNS)
    if actor.email in {campaign.author, campaign.submitted_by}:
        raise NotAllowed(
            "four_eyes",
            say(
                "%(email)s wrote or submitted campaign %(code)s and cannot approve it.",
                email=actor.email,
                code=campaign.code,
            ),
            say("Somebody else with the right to approve must look at it."),
        )
    values = require_unchanged(session, campaign=campaign, action="submit")
    if campaign.state is CampaignState.SUBMITTED and (why := still_needed(session, campaign, actor=actor)):
        _store(session, campaign=campaign, action=IN_PART, actor=actor, values=values, reason=reason)
        return why
    move(session, campaign=campaign, to=CampaignState.APPROVED, actor=actor.email, reason=reason)
    _store(session, campaign=campaign, action="approve", actor=actor, values=values, reason=reason)
    return []


def send_back(session: Session, *, campaign: Campaign, actor: Actor, reason: str) -> None:
    """Decline what was submitted, with a reason for its author."""
    actor.require(Permission.APPROVE_CAMPAIGNS)
    values = bound(session, campaign)
    back_to_draft(session, campaign=campaign, actor=actor.email, why=reason)
    _store(session, campaign=campaign, action="send_back", actor=actor, values=values, reason=reason)


def require_unchanged(session: Session, *, campaign: Campaign, action: str) -> dict[str, Any]:
    """What is bound now, if it is what was bound at the last `action`. Otherwise say what differs."""
    given = last(session, campaign=campaign, action=action)
    now = bound(session, campaign)
    if given is None or given.digest != digest(now):
        parts = differences(given.bound, now) if given else []
        raise NotAllowed(
            "approval_void",
            _not_the_same(campaign, action=action, parts=parts),
            say("Check, submit and approve it again."),
            details={"changed": parts},
        )
    return now


def _not_the_same(campaign: Campaign, *, action: str, parts: list[str]) -> Sentence:
    what = {"code": campaign.code, "action": say("submitted") if action == "submit" else say("approved")}
    if not parts:
        return say("Campaign %(code)s is not what was %(action)s any more.", **what)
    changed = joined(PARTS.get(part, part) for part in parts)
    return say("Campaign %(code)s is not what was %(action)s any more: %(parts)s changed.", **what, parts=changed)


def void_if_changed(session: Session, *, campaign: Campaign, actor: str) -> bool:
    """Take a submitted or approved campaign back to draft when what was looked at is no longer what would go out."""
    action = {
        CampaignState.SUBMITTED: "submit",
        CampaignState.APPROVED: "approve",
        CampaignState.SCHEDULED: "approve",
    }.get(campaign.state)
    if action is None:
        return False
    given, now = last(session, campaign=campaign, action=action), bound(session, campaign)
    if given is not None and given.digest == digest(now):
        return False
    parts = differences(given.bound, now) if given else []
    back_to_draft(session, campaign=campaign, actor=actor, why=f"approval void, changed: {', '.join(parts)}")
    return True


def last(session: Session, *, campaign: Campaign, action: str) -> Approval | None:
    """The newest record of this action on this campaign."""
    return session.scalar(
        select(Approval)
        .where(Approval.campaign_id == campaign.id, Approval.action == action)
        .order_by(Approval.id.desc())
        .limit(1)
    )


def _store(
    session: Session,
    *,
    campaign: Campaign,
    action: str,
    actor: Actor,
    values: dict[str, Any],
    reason: str | None = None,
) -> None:
    batch = open_batch(session)
    session.execute(
        insert(Approval).values(
            batch_id=batch,
            campaign_id=campaign.id,
            action=action,
            actor=actor.email,
            digest=digest(values),
            bound=values | {DOCUMENT: keep(session, campaign).hex()},
            reason=reason,
        )
    )
    seal(session, chain=CHAIN, batch_id=batch)
