"""To whom data of one person went, who must be told when they are put right, erased or restricted (Art. 19 GDPR)."""

from typing import Any

from sqlalchemy import BigInteger, cast, select
from sqlalchemy.orm import Session

from app.rights.export import host_of
from app.rights.subject import DataSubject
from campaigns.models import ChannelExport
from lead_handover.models import Handover, Outbox, WebhookTarget
from suppression.models import StoredDecision


def disclosures(session: Session, who: DataSubject) -> list[dict[str, Any]]:
    """Each with `to`, `what` (a channel, or `leads`), `at` in ISO 8601, and `by`, who took a file out, oldest first.

    Files are named by their code, for we know who took one and not whom it was given to. A message to another system
    that was not confirmed counts: it may have arrived.
    """
    return sorted(_files(session, who) + _systems(session, who), key=lambda one: str(one["at"]))


def _files(session: Session, who: DataSubject) -> list[dict[str, Any]]:
    rows = session.execute(
        select(ChannelExport.code, ChannelExport.channel, ChannelExport.made_at, ChannelExport.made_by)
        .join(StoredDecision, StoredDecision.batch_id == ChannelExport.decision_batch_id)
        .where(
            # Decisions for files are about no message, and there is an index for those.
            StoredDecision.message_id.is_(None),
            StoredDecision.address_id.in_(who.address_ids),
            StoredDecision.verdict == "send",
        )
    )
    return [{"to": row.code, "what": row.channel.value, "at": _iso(row.made_at), "by": row.made_by} for row in rows]


def _systems(session: Session, who: DataSubject) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Outbox.target, Outbox.created_at, Outbox.delivered_at, WebhookTarget.url)
        .join(Handover, Handover.id == cast(Outbox.body["handover_id"].astext, BigInteger))
        .outerjoin(WebhookTarget, WebhookTarget.name == Outbox.target)
        .where(Outbox.kind == "webhook", Outbox.attempts > 0, Handover.contact_id == who.contact_id)
    )
    return [
        {
            "to": f"{row.target} ({host_of(row.url)})" if row.url else row.target,
            "what": "leads",
            "at": _iso(row.delivered_at or row.created_at),
            "by": None,
        }
        for row in rows
    ]


def _iso(moment: Any) -> str:
    return str(moment.isoformat(timespec="seconds"))
