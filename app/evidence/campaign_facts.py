"""What a bundle tells about a campaign: who planned and approved what, what it rests on, what became of it."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

import segments
from campaigns.models import Approval, Campaign, ChannelExport
from contacts.models import Controller
from core.audit import AuditEvent
from core.evidence import EvidenceBatch
from delivery.models import Run, Sender
from segments.models import Segment
from suppression.models import ListVersion
from templates.models import Template, TemplateVersion

_CONTEXTS = """
    SELECT c.rules_version, c.list_versions, min(c.decided_at) AS first_at, max(c.decided_at) AS last_at
    FROM decision_context AS c WHERE c.batch_id = ANY (:batches) GROUP BY 1, 2
"""

# Of all decisions about a message the last one counts.
_VERDICTS = """
    SELECT verdict, reason, count(*) AS messages FROM (
        SELECT DISTINCT ON (d.message_id) d.verdict, d.reasons[1] AS reason
        FROM message AS m JOIN decision AS d ON d.message_id = m.id AND d.batch_id = ANY (:batches)
        WHERE m.run_id = :run ORDER BY d.message_id, d.id DESC
    ) AS last GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""

_STATES = "SELECT state, count(*) AS messages FROM message WHERE run_id = :run GROUP BY 1 ORDER BY 1"


def facts(
    session: Session, campaign: Campaign, *, batches: Collection[int], covered: Mapping[str, int]
) -> dict[str, Any]:
    """Everything but the single messages, in a fixed number of queries.

    `batches`: those of the decisions about them; `covered`: up to which link each chain is told.
    """
    run = session.get(Run, campaign.run_id) if campaign.run_id else None
    contexts = session.execute(text(_CONTEXTS), {"batches": list(batches)}).all()
    approvals = session.scalars(
        select(Approval)
        .where(Approval.campaign_id == campaign.id, Approval.batch_id.in_(_sealed("approval", covered)))
        .order_by(Approval.id)
    ).all()
    return {
        "campaign": _plan(campaign),
        "approvals": [_approval(one) for one in approvals],
        "template": _template(session, campaign, approvals),
        "segment": _segment(session, campaign, approvals),
        "sender": _sender(session, campaign),
        "run": _run(run) if run else None,
        "rules": sorted({row.rules_version for row in contexts}),
        "lists": _lists(session, contexts),
        "counts": _counts(session, run, batches),
        "exports": _exports(session, campaign),
        "log": _log(session, campaign, covered),
    }


def _sealed(chain: str, covered: Mapping[str, int]) -> Select[Any]:
    return select(EvidenceBatch.id).where(EvidenceBatch.chain == chain, EvidenceBatch.seq <= covered.get(chain, 0))


def _plan(campaign: Campaign) -> dict[str, Any]:
    return {
        "number": campaign.id,
        "code": campaign.code,
        "name": campaign.name,
        "state": campaign.state.value,
        "purpose": campaign.purpose,
        "topic": campaign.topic,
        "tracking": campaign.tracking.value,
        "scheduled_at": campaign.scheduled_at,
        "author": campaign.author,
        "submitted_by": campaign.submitted_by,
        "created_at": campaign.created_at,
        "checked_at": campaign.checked_at,
    }


def _approval(one: Approval) -> dict[str, Any]:
    return {
        "id": one.id,
        "action": one.action,
        "by": one.actor,
        "at": one.at,
        "sha256": one.digest.hex(),
        "bound": one.bound,
        "reason": one.reason,
    }


def _template(session: Session, campaign: Campaign, approvals: Collection[Approval]) -> dict[str, Any]:
    template = session.get_one(Template, campaign.template_id)
    numbers = {one.bound["content"]["version"] for one in approvals}
    versions = session.scalars(
        select(TemplateVersion)
        .where(TemplateVersion.template_id == template.id, TemplateVersion.number.in_(numbers))
        .order_by(TemplateVersion.number)
    )
    return {
        "code": template.code,
        "name": template.name,
        "versions": [
            {
                "number": one.number,
                "locale": one.locale,
                "subject": one.subject,
                "preheader": one.preheader,
                "markup": one.markup.value,
                "body": one.body,
                "text": one.text,
                "sha256": one.sha256.hex(),
                "author": one.author,
                "created_at": one.created_at,
                "frozen_at": one.frozen_at,
            }
            for one in versions
        ],
    }


def _segment(session: Session, campaign: Campaign, approvals: Collection[Approval]) -> dict[str, Any]:
    """Its definition as it is now, and whether it is the one that was looked at; a definition keeps no history."""
    segment = session.get_one(Segment, campaign.segment_id)
    digest = segments.digest(session, segment.code).hex()
    looked_at = [one.bound["audience"]["sha256"] for one in approvals]
    return {
        "code": segment.code,
        "name": segment.name,
        "definition": segment.definition,
        "sha256": digest,
        "as_approved": digest == looked_at[-1] if looked_at else None,
    }


def _sender(session: Session, campaign: Campaign) -> dict[str, Any]:
    sender = session.get_one(Sender, campaign.sender_id)
    controller = session.get_one(Controller, sender.controller_id)
    return {
        "code": sender.code,
        "from": f"{sender.from_name} <{sender.from_address}>",
        "reply_to": sender.reply_to,
        "controller": controller.name,
        "imprint": controller.imprint,
        "country": controller.country,
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "number": run.id,
        "state": run.state.value,
        "audience": run.audience,
        "released": list(run.released),
        "launched_at": run.created_at,
        "finished_at": run.finished_at,
        "content_sha256": run.content_sha256.hex(),
    }


def _lists(session: Session, contexts: Collection[Any]) -> list[dict[str, Any]]:
    """Each version that was asked, and how old it was when the last decision rested on it."""
    asked: dict[tuple[str, int | None], Any] = {}
    for row in contexts:
        for name, version in row.list_versions.items():
            known = asked.get((name, version))
            asked[name, version] = max(known, row.last_at) if known else row.last_at
    rows = session.scalars(select(ListVersion).where(ListVersion.id.in_({version for _, version in asked if version})))
    versions = {row.id: row for row in rows}
    return [
        {"list": name, "version": None, "last_asked_at": last_at}
        if version is None
        else {
            "list": name,
            "version": version,
            "published_at": versions[version].published_at,
            "records": versions[version].records,
            "sha256": versions[version].sha256.hex(),
            "last_asked_at": last_at,
            "age_days": (last_at - versions[version].published_at).days,
        }
        for (name, version), last_at in sorted(asked.items(), key=lambda item: (item[0][0], item[0][1] or 0))
    ]


def _counts(session: Session, run: Run | None, batches: Collection[int]) -> dict[str, Any]:
    if run is None:
        return {"states": {}, "verdicts": []}
    states = session.execute(text(_STATES), {"run": run.id})
    verdicts = session.execute(text(_VERDICTS), {"run": run.id, "batches": list(batches)}).mappings()
    return {"states": {row.state: row.messages for row in states}, "verdicts": [dict(row) for row in verdicts]}


def _exports(session: Session, campaign: Campaign) -> list[dict[str, Any]]:
    rows = session.scalars(
        select(ChannelExport).where(ChannelExport.campaign_id == campaign.id).order_by(ChannelExport.id)
    )
    return [
        {
            "code": row.code,
            "channel": row.channel.value,
            "people": row.people,
            "made_by": row.made_by,
            "made_at": row.made_at,
            "valid_until": row.valid_until,
            "sha256": row.sha256.hex(),
        }
        for row in rows
    ]


def _log(session: Session, campaign: Campaign, covered: Mapping[str, int]) -> list[dict[str, Any]]:
    """What people did to it; the object of these lines is the campaign by its number."""
    rows = session.scalars(
        select(AuditEvent)
        .where(
            AuditEvent.object_type == "campaign",
            AuditEvent.object_id == str(campaign.id),
            AuditEvent.batch_id.in_(_sealed("audit", covered)),
        )
        .order_by(AuditEvent.id)
    )
    return [
        {"id": row.id, "at": row.at, "actor": row.actor, "action": row.action, "reason": row.reason} for row in rows
    ]
