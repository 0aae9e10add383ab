"""Changing the limits of a sender: with a reason, on record, and never over what somebody else changed meanwhile."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.errors import NotAllowed, WrongInput
from core.permissions import Permission
from core.sentences import say
from core.users import Actor
from delivery.models import Sender
from delivery.pace.limits import checked_limits

ACTION = "sender.limits"


@dataclass(frozen=True)
class Change:
    """When the limits of a sender were changed last, by whom, and why."""

    at: datetime
    actor: str
    reason: str


def fingerprint(sender: Sender) -> str:
    """What stands for the limits that somebody saw."""
    shown = json.dumps([sender.most_per_second, sender.limits], sort_keys=True)
    return sha256(shown.encode()).hexdigest()[:16]


def change_limits(
    session: Session, *, sender: Sender, document: Mapping[str, Any], actor: Actor, reason: str, seen: str
) -> bool:
    """Bring the limits to this document; answers whether anything changed. `seen` is the fingerprint of what was shown.

    The rate that stands on the sender itself goes over into the document, so that one number counts.
    """
    actor.require(Permission.LIMIT_SENDERS)
    if not reason.strip():
        raise WrongInput("reason_missing", say("Say why: it goes into the audit log."), where="reason")
    session.refresh(sender, with_for_update={"key_share": True})
    if fingerprint(sender) != seen:
        raise NotAllowed(
            "limits_changed",
            say("Somebody else changed these limits while you were at it."),
            say("Open the page again and look at what is new."),
        )
    before = {"most_per_second": sender.most_per_second, "limits": sender.limits}
    wanted = checked_limits(document)
    if sender.limits == wanted and sender.most_per_second is None:
        return False
    if wanted.get("brake") != sender.limits.get("brake"):
        actor.require(Permission.MANAGE_SENDERS)
    sender.limits, sender.most_per_second = wanted, None
    session.flush()
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action=ACTION,
        object_type="sender",
        object_id=sender.id,
        reason=reason.strip(),
        code=sender.code,
        before=before,
        after={"most_per_second": None, "limits": wanted},
    )
    return True


def last_change(session: Session, *, sender: Sender) -> Change | None:
    """The newest change that somebody made on the page."""
    event = audit.AuditEvent
    row = session.execute(
        select(event.at, event.actor, event.reason)
        .where(event.object_type == "sender", event.object_id == str(sender.id), event.action == ACTION)
        .order_by(event.id.desc())
        .limit(1)
    ).first()
    return None if row is None else Change(row.at, row.actor, row.reason or "")
