"""Every message to one address with content, decisions and answers, for bundles and exports."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from campaigns import find, mails_to
from campaigns.models import Approval
from contacts.models import Controller
from delivery.models import Message, Run, Sender
from suppression import Explained, explain
from tracking.models import Event, Link


def messages(session: Session, *, address_id: int, campaign: str | None = None) -> list[dict[str, Any]]:
    """Messages that went out and that were refused, the newest first, in a handful of queries.

    Each with its run, sender and content (by digest), state and the answer of the server, every decision with what it
    rests on, who approved it, and what came back. `campaign` (code or number) narrows them to one.
    """
    rows = _rows(session, address_id=address_id, campaign=campaign)
    numbers = [row.id for row in rows]
    decided: dict[int, list[Explained]] = defaultdict(list)
    for one in explain(session, address_id=address_id, message_ids=numbers):
        decided[one.message_id].append(one)
    events = _events(session, numbers)
    approvals = _approvals(session, {row.campaign_id for row in rows if row.campaign_id})
    return [
        {
            "message": row.id,
            "campaign": row.campaign,
            "run": row.run,
            "purpose": row.purpose,
            "topic": row.topic,
            "channel": row.channel,
            "tracking": row.tracking.value,
            "from": f"{row.from_name} <{row.from_address}>",
            "controller": row.controller,
            "content_sha256": row.content_sha256.hex(),
            "status": row.state.value,
            "attempts": row.attempts,
            "handed_over_at": row.handed_over_at,
            "server_answer": f"{row.reply_code or ''} {row.reply_text or ''}".strip() or None,
            "approvals": approvals.get(row.campaign_id, []),
            "decisions": [_decision(one) for one in decided[row.id]],
            "events": events.get(row.id, []),
        }
        for row in rows
    ]


def _rows(session: Session, *, address_id: int, campaign: str | None) -> list[Row[Any]]:
    if campaign is not None:
        find(session, campaign)
    query = (
        mails_to(
            address_id,
            Message.id,
            Message.state,
            Message.channel,
            Message.attempts,
            Message.handed_over_at,
            Message.reply_code,
            Message.reply_text,
            Run.name.label("run"),
            Run.purpose,
            Run.topic,
            Run.tracking,
            Run.content_sha256,
            Sender.from_name,
            Sender.from_address,
            Controller.name.label("controller"),
            campaign=campaign,
        )
        .join(Sender, Sender.id == Run.sender_id)
        .join(Controller, Controller.id == Sender.controller_id)
        .order_by(Message.id.desc())
    )
    return list(session.execute(query))


def _decision(one: Explained) -> dict[str, Any]:
    return {
        "id": one.id,
        "decided_at": one.decided_at,
        "stage": one.stage,
        "verdict": one.verdict,
        "reasons": list(one.reasons),
        "basis": one.basis,
        "purpose": one.purpose,
        "topic": one.topic,
        "rules_version": one.rules_version,
        "lists": {name: asdict(found) if found else None for name, found in one.lists.items()},
        "consent": one.consent["reference"] if one.consent else None,
        "purchase": asdict(one.order) if one.order else None,
        "entry": asdict(one.entry) if one.entry else None,
        "listed_in": asdict(one.listed_in) if one.listed_in else None,
    }


def _events(session: Session, numbers: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    rows = session.execute(
        select(Event, Link.target)
        .outerjoin(Link, Link.id == Event.link_id)
        .where(Event.message_id.in_(numbers))
        .order_by(Event.at, Event.id)
    )
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for event, target in rows:
        found[event.message_id or 0].append(
            {
                "at": event.at,
                "kind": event.kind.value,
                "link": target,
                "verdict": event.verdict.value if event.verdict else None,
                "verdict_reason": event.verdict_reason,
            }
        )
    return found


def _approvals(session: Session, campaigns: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    rows = session.scalars(select(Approval).where(Approval.campaign_id.in_(campaigns)).order_by(Approval.id))
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row.campaign_id].append(
            {
                "id": row.id,
                "action": row.action,
                "by": row.actor,
                "at": row.at,
                "sha256": row.digest.hex(),
                "reason": row.reason,
            }
        )
    return found


def contents(session: Session, digests: Collection[str]) -> dict[str, dict[str, Any]]:
    """What these runs say, by the digest of it: the form from which each recipient's mail was made."""
    wanted = [bytes.fromhex(one) for one in digests]
    rows = session.execute(
        select(Run.content_sha256, Run.content)
        .distinct()
        .where(Run.content_sha256.in_(wanted))
        .order_by(Run.content_sha256)
    )
    return {row.content_sha256.hex(): row.content for row in rows}
