"""Look before sending: who would get it, who would not and why, and what is wrong with the mail."""

from datetime import timedelta
from math import ceil
from typing import Any

from sqlalchemy.orm import Session

from campaigns.binding import bound, digest
from campaigns.models import Campaign
from campaigns.service import back_to_draft, move
from campaigns.states import CampaignState
from core import clock
from core.errors import NotAllowed
from core.sentences import Count, say
from delivery import Forecast, expected, foresee, read_windows, sender_findings
from delivery.models import Sender
from segments import audience
from segments.models import Segment
from suppression import Assessment, Question, assess, counts, samples, soon_stale
from templates import Finding, Severity, check, kept_finding, latest

MOST_DAYS = 14
LONG = timedelta(days=1)

CHECKABLE = frozenset({CampaignState.DRAFT, CampaignState.CHECKED})


def question_of(session: Session, campaign: Campaign) -> Question:
    """What the gate will be asked about everybody in this campaign."""
    sender = session.get_one(Sender, campaign.sender_id)
    return Question(
        channel="email", purpose=campaign.purpose, controller_id=sender.controller_id, topic=campaign.topic
    )  # fmt: skip


def preflight(session: Session, *, campaign: Campaign) -> dict[str, Any]:
    """Decide about the whole audience with the code of the gate, read the mail, and estimate how long it will take.

    Changes nothing. `blocking` is true when a finding forbids to go on.
    """
    segment = session.get_one(Segment, campaign.segment_id)
    sender = session.get_one(Sender, campaign.sender_id)
    assessment = assess(session, audience=audience(session, segment.code), question=question_of(session, campaign))
    totals = counts(assessment)
    findings = [
        kept_finding(finding) for finding in check(session, version=latest(session, template_id=campaign.template_id))
    ]
    findings += [kept_finding(finding) for finding in _aging(session, assessment)]
    findings += [kept_finding(finding) for finding in sender_findings(session, sender_id=sender.id)]
    course = _foreseen(session, campaign, sender, assessment)
    findings += [kept_finding(finding) for finding in _slow(campaign, course)]
    return {
        **totals,
        "rules_version": assessment.rules_version,
        "samples": samples(assessment),
        "findings": findings,
        "windows": _windows(session, campaign, assessment),
        "estimated_seconds": course.seconds,
        "estimated_end": course.ends.isoformat(),
        "estimated_days": [
            {"day": day.isoformat(), "mails": many} for day, many in sorted(course.by_day.items())[:MOST_DAYS]
        ],
        "blocking": any(finding["severity"] == "fail" for finding in findings),
    }


def _windows(session: Session, campaign: Campaign, assessment: Assessment) -> list[dict[str, Any]]:
    """How many people get it by which clock, and from when on, as things stand now."""
    windows = read_windows(campaign.windows)
    if windows is None:
        return []
    begin = max(clock.now(), campaign.scheduled_at or clock.now())
    return [
        {"zone": one.zone, "people": one.people, "opens": one.opens.isoformat() if one.opens else None}
        for one in expected(session, assessment, windows=windows, begin=begin)
    ]


def _foreseen(session: Session, campaign: Campaign, sender: Sender, assessment: Assessment) -> Forecast:
    """How it would go if it began at its time, or now."""
    begin = max(clock.now(), campaign.scheduled_at or clock.now())
    return foresee(session, assessment, sender=sender, windows=read_windows(campaign.windows), begin=begin)


def _slow(campaign: Campaign, course: Forecast) -> list[Finding]:
    """What limits and a warm-up do to the end of it, and for whom no window is left."""
    found, takes = [], course.ends - course.begins
    late = timedelta(minutes=campaign.most_late or 0)
    if course.left:
        found.append(say("Limits and windows leave no time for %(count)s people.", count=Count(course.left)))
    if course.is_slowed and takes > LONG:
        found.append(say("The limits of the sender stretch it over %(count)s days.", count=Count(ceil(takes / LONG))))
    if course.is_slowed and late and takes > late and (course.free_end or course.ends) - course.begins <= late:
        minutes = Count(campaign.most_late or 0)
        found.append(say("The limits of the sender make it end more than %(minutes)s minutes late.", minutes=minutes))
    remedy = say("Raise the limits of the sender, widen the windows, choose a smaller audience, or leave it as it is.")
    return [Finding("takes_long", Severity.WARN, said, remedy) for said in found]


def _aging(session: Session, assessment: Assessment) -> list[Finding]:
    """What the clocks of unused consents will do to this audience soon."""
    many = soon_stale(session, assessment)
    if not many:
        return []
    said = say("Consents in this audience that will be too old within 60 days: %(count)s.", count=Count(many))
    what = say("Ask these people to stay before that: a mail with {{ renew_url }}, to the segment of unused consents.")
    return [Finding("consents_aging", Severity.WARN, said, what)]


def check_campaign(session: Session, *, campaign: Campaign, actor: str) -> dict[str, Any]:
    """Run the pre-flight and keep its result with the campaign. One that is under way keeps its state."""
    result = preflight(session, campaign=campaign)
    if campaign.state in CHECKABLE:
        campaign.check_result = result | {"digest": digest(bound(session, campaign)).hex()}
        campaign.checked_at = clock.now()
        if result["blocking"]:
            back_to_draft(session, campaign=campaign, actor=actor, why="the check found something that must be mended")
        else:
            move(session, campaign=campaign, to=CampaignState.CHECKED, actor=actor)
    # Programs get plain words; the sentences behind them are for the page only.
    plain = [{name: value for name, value in finding.items() if name != "said"} for finding in result["findings"]]
    return result | {"findings": plain}


def require_fresh_check(session: Session, *, campaign: Campaign) -> dict[str, Any]:
    """What is bound now, if it is exactly what was checked."""
    now = bound(session, campaign)
    checked = (campaign.check_result or {}).get("digest")
    if checked != digest(now).hex():
        raise NotAllowed(
            "check_outdated",
            say("Campaign %(code)s has changed since it was checked.", code=campaign.code),
            say("Check it again."),
        )
    return now
