"""What an approval is an approval of: everything that decides what goes out to whom, and one digest over it."""

import json
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models import Campaign
from contacts.models import Controller
from core.sentences import say
from delivery.models import Sender
from segments import digest as segment_digest
from segments.models import Segment
from suppression import current
from suppression.models import ListVersion, VersionState
from templates import latest

# What the parts of a digest are called, by their names in it.
PARTS = {
    "content": say("content"),
    "audience": say("audience"),
    "sender": say("sender"),
    "purpose": say("purpose"),
    "topic": say("topic"),
    "tracking": say("tracking"),
    "scheduled_at": say("scheduled_at"),
    "windows": say("windows for sending"),
    "rules": say("rules"),
    "lists": say("lists"),
}


def bound(session: Session, campaign: Campaign) -> dict[str, Any]:
    """The content, audience, sender, rules and lists of a campaign as they are now."""
    segment = session.get_one(Segment, campaign.segment_id)
    sender = session.get_one(Sender, campaign.sender_id)
    controller = session.get_one(Controller, sender.controller_id)
    version = latest(session, template_id=campaign.template_id)
    return {
        "content": {"template": campaign.template_id, "version": version.number, "sha256": version.sha256.hex()},
        "audience": {"segment": segment.code, "sha256": segment_digest(session, segment.code).hex()},
        "sender": {
            "code": sender.code,
            "from": f"{sender.from_name} <{sender.from_address}>",
            "reply_to": sender.reply_to,
            "controller": controller.name,
            "imprint": sha256(controller.imprint.encode()).hexdigest(),
        },
        "purpose": campaign.purpose,
        "topic": campaign.topic,
        "tracking": campaign.tracking,
        "scheduled_at": campaign.scheduled_at.isoformat() if campaign.scheduled_at else None,
        "rules": current(session).version,
        "lists": active_lists(session),
        # Only where there are some, so that what was approved without them stays what it is.
        **({"windows": campaign.windows} if campaign.windows else {}),
    }


def active_lists(session: Session) -> dict[str, int]:
    """The version in force of each external list."""
    rows = session.execute(
        select(ListVersion.list_id, ListVersion.id).where(ListVersion.state == VersionState.ACTIVE).order_by("list_id")
    )
    return {row.list_id: row.id for row in rows}


# Under this name a stored approval says which document somebody looked at; it decides nothing, so it is not compared.
DOCUMENT = "document"


def digest(bound_values: dict[str, Any]) -> bytes:
    """SHA-256 over the canonical JSON of what is bound."""
    canonical = json.dumps(bound_values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).digest()


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of the parts that are not the same any more."""
    names = (before.keys() | after.keys()) - {DOCUMENT}
    return sorted(name for name in names if before.get(name) != after.get(name))
