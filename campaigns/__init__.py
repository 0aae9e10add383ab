"""Campaigns: plan, look before sending, let a second person approve, launch, report.

In comes a plan (segment, template, sender, purpose); out goes an open run in delivery, and the numbers of what
became of it. The rule it serves: what goes out is exactly what a second person approved.
"""

from campaigns.absence import Absent, absent
from campaigns.approval import approve, send_back, submit, void_if_changed
from campaigns.channel_results import ResultIntake
from campaigns.checks import check_campaign, preflight
from campaigns.conductor import cancel, launch, pause, release, resume
from campaigns.explanation import why, why_by_id
from campaigns.mails import mails_to
from campaigns.releases import Released, releases
from campaigns.restored import Launched, end_launched, set_campaigns_aside
from campaigns.results import report
from campaigns.rule_effect import Effect, effects
from campaigns.service import Plan, find, lock, save

__all__ = [
    "Absent",
    "Effect",
    "Launched",
    "Plan",
    "Released",
    "ResultIntake",
    "absent",
    "approve",
    "cancel",
    "check_campaign",
    "effects",
    "end_launched",
    "find",
    "launch",
    "lock",
    "mails_to",
    "pause",
    "preflight",
    "release",
    "releases",
    "report",
    "resume",
    "save",
    "send_back",
    "set_campaigns_aside",
    "submit",
    "void_if_changed",
    "why",
    "why_by_id",
]
