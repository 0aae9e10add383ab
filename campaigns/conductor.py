"""From an approval to the last message: open a run, write the audience down, pause, resume, stop, finish."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.approval import require_unchanged
from campaigns.models import Campaign
from campaigns.service import move
from campaigns.states import SAID, CampaignState
from contacts.models import Controller
from core import audit, quarantine
from core.db import database_clock
from core.errors import NotAllowed
from core.permissions import Permission
from core.sentences import packed, say, unpacked
from core.tasks import ring
from core.users import Actor
from delivery import (
    begin_counting_anew,
    finish_if_done,
    open_run,
    pause_run,
    release_holds,
    require_sound_sender,
    resume_run,
    stop_run,
)
from delivery.models import Run, Sender
from delivery.states import RunState
from suppression import RELEASABLE, note_launch
from templates import compile_version, latest

SEND = "delivery.send"
MATERIALISE = "campaigns.materialise"

# Minutes by which a start may be late without anybody being asked.
MOST_LATE = 120


def launch(session: Session, *, campaign: Campaign, actor: Actor) -> None:
    """Send what was approved, or wait for its time. Refused when anything differs from what was approved."""
    actor.require(Permission.LAUNCH_CAMPAIGNS)
    quarantine.refuse_campaigns(session)
    if campaign.state not in {CampaignState.APPROVED, CampaignState.SCHEDULED}:
        raise NotAllowed(
            "not_approved",
            say(
                "Campaign %(code)s is %(state)s; only an approved campaign can be launched.",
                code=campaign.code,
                state=SAID[campaign.state],
            ),
            say("Check it, submit it, and let somebody else approve it."),
        )
    require_unchanged(session, campaign=campaign, action="approve")
    require_sound_sender(session, sender_id=campaign.sender_id)
    if campaign.scheduled_at and campaign.scheduled_at > database_clock(session):
        move(session, campaign=campaign, to=CampaignState.SCHEDULED, actor=actor.email)
        return
    start(session, campaign=campaign, actor=actor.email)


def start(session: Session, *, campaign: Campaign, actor: str) -> None:
    """Open the run with the wording compiled once, and ring for the audience to be written down."""
    sender = session.get_one(Sender, campaign.sender_id)
    version = latest(session, template_id=campaign.template_id)
    compiled = compile_version(version, controller=session.get_one(Controller, sender.controller_id), sender=sender)
    campaign.run_id = open_run(
        session,
        name=campaign.code,
        sender_id=sender.id,
        purpose=campaign.purpose,
        topic=campaign.topic,
        tracking=campaign.tracking,
        compiled=compiled,
        windows=campaign.windows,
    )
    move(session, campaign=campaign, to=CampaignState.SENDING, actor=actor)
    note_launch(session, campaign=campaign.code)
    ring(session, MATERIALISE)


def start_due(session: Session) -> int:
    """Start what is scheduled and due. What changed since its approval stays where it is and is not sent."""
    if quarantine.forbids(session, answer=False):
        return 0
    # A worker whose own clock is wrong must neither begin early nor say that it is too late.
    now = database_clock(session)
    due = select(Campaign).where(Campaign.state == CampaignState.SCHEDULED, Campaign.scheduled_at <= now)
    started = 0
    for campaign in session.scalars(due.with_for_update(skip_locked=True)):
        if _is_too_late(campaign, now):
            why = say("Its time went by by more than %(minutes)s minutes.", minutes=campaign.most_late or MOST_LATE)
            move(session, campaign=campaign, to=CampaignState.APPROVED, actor="system", reason=why)
            continue
        try:
            require_unchanged(session, campaign=campaign, action="approve")
            require_sound_sender(session, sender_id=campaign.sender_id)
        except NotAllowed as error:
            move(session, campaign=campaign, to=CampaignState.DRAFT, actor="system", reason=error.message)
            continue
        start(session, campaign=campaign, actor="system")
        started += 1
    return started


def _is_too_late(campaign: Campaign, now: datetime) -> bool:
    """Whether it would begin so much later than planned that somebody has to confirm it first."""
    if campaign.scheduled_at is None:
        return False
    return now - campaign.scheduled_at > timedelta(minutes=campaign.most_late or MOST_LATE)


def pause(session: Session, *, campaign: Campaign, actor: Actor, reason: str | None = None) -> None:
    """Stop handing over within two seconds; nothing is lost and nothing is repeated afterwards."""
    actor.require(Permission.PAUSE_CAMPAIGNS)
    move(session, campaign=campaign, to=CampaignState.PAUSED, actor=actor.email, reason=reason)
    pause_run(session, run_id=_run(campaign), reason=reason or packed(say("paused by %(person)s", person=actor.email)))


def resume(session: Session, *, campaign: Campaign, actor: Actor, reason: str | None = None) -> None:
    """Go on where it stopped. What the brake stopped goes on for a reason only, and is counted anew from here on."""
    actor.require(Permission.LAUNCH_CAMPAIGNS)
    quarantine.refuse_campaigns(session)
    run = session.get_one(Run, _run(campaign), populate_existing=True)
    if run.braked_at is not None and not (reason or "").strip():
        raise NotAllowed(
            "reason_missing",
            say("The brake stopped this campaign; it goes on for a reason."),
            say("Say what was found, and why it may go on."),
        )
    if campaign.state is CampaignState.SENDING and run.state is RunState.PAUSED:
        # It paused itself just now, and nobody has followed yet.
        _follow(session, campaign, run)
    move(session, campaign=campaign, to=CampaignState.SENDING, actor=actor.email, reason=reason)
    if run.braked_at is not None:
        begin_counting_anew(session, run_id=run.id)
    resume_run(session, run_id=_run(campaign))
    ring(session, MATERIALISE)


def cancel(session: Session, *, campaign: Campaign, actor: Actor, reason: str) -> None:
    """End a campaign for good: what was not handed over yet never will be."""
    actor.require(Permission.PAUSE_CAMPAIGNS)
    move(session, campaign=campaign, to=CampaignState.CANCELLED, actor=actor.email, reason=reason)
    if campaign.run_id is not None:
        stop_run(session, run_id=campaign.run_id, reason=reason)


def release(session: Session, *, campaign: Campaign, code: str, actor: Actor, reason: str) -> int:
    """Let messages pass that `code` held. Answers how many; every other rule still holds.

    Only holds that are ours to release. Who wrote or submitted the campaign looks at it with one pair of eyes only, so
    somebody else must.
    """
    actor.require(Permission.RELEASE_HOLDS)
    if code not in RELEASABLE:
        raise NotAllowed(
            "not_releasable",
            say("The hold %(code)s cannot be released.", code=repr(code)),
            say("It ends by itself, or with what caused it."),
        )
    if actor.email in {campaign.author, campaign.submitted_by}:
        raise NotAllowed(
            "four_eyes",
            say("%(person)s wrote or submitted this campaign and cannot release its holds.", person=actor.email),
            say("Somebody else from compliance must."),
        )
    if not reason.strip():
        raise NotAllowed("reason_missing", say("A hold is released for a reason."), say("Say why."))
    count = release_holds(session, run_id=_run(campaign), code=code)
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action="campaign.release_holds",
        object_type="campaign",
        object_id=campaign.id,
        reason=reason,
        code=code,
        messages=count,
    )
    if campaign.state is CampaignState.DONE:
        reopen(session, campaign=campaign)
    ring(session, SEND)
    return count


def reopen(session: Session, *, campaign: Campaign) -> None:
    """A finished run whose held messages were released has something to send again."""
    campaign.state = CampaignState.SENDING
    session.get_one(Run, campaign.run_id).state = RunState.OPEN


def finish(session: Session) -> int:
    """Close the campaigns whose every message has reached an end."""
    sending = select(Campaign).where(Campaign.state == CampaignState.SENDING, Campaign.run_id.is_not(None))
    finished = 0
    for campaign in session.scalars(sending.with_for_update(skip_locked=True)):
        if finish_if_done(session, run_id=_run(campaign)):
            move(session, campaign=campaign, to=CampaignState.DONE, actor="system")
            finished += 1
    return finished


def follow(session: Session) -> int:
    """Pause the campaigns whose run paused itself, with its reason. People pause both at once."""
    halted = (
        select(Campaign)
        .join(Run, Run.id == Campaign.run_id)
        .where(Campaign.state == CampaignState.SENDING, Run.state == RunState.PAUSED)
        .with_for_update(skip_locked=True, of=Campaign)
    )
    followed = 0
    for campaign in session.scalars(halted):
        run = session.get_one(Run, campaign.run_id, populate_existing=True)
        # Between looking and locking somebody may have resumed it.
        if run.state is RunState.PAUSED:
            _follow(session, campaign, run)
            followed += 1
    return followed


def _follow(session: Session, campaign: Campaign, run: Run) -> None:
    move(session, campaign=campaign, to=CampaignState.PAUSED, actor="system", reason=unpacked(run.state_reason or ""))


def _run(campaign: Campaign) -> int:
    if campaign.run_id is None:
        raise NotAllowed("not_launched", say("Campaign %(code)s was not launched yet.", code=campaign.code))
    return campaign.run_id
