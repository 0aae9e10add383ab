"""Who takes leads, and which systems are told about them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import audit, egress, users
from core.errors import NotAllowed, NotFound, WrongInput
from core.permissions import Permission
from core.sentences import say
from core.settings import Mode, settings
from lead_handover.assignment import checked_territory
from lead_handover.models import SalesPerson, WebhookTarget
from lead_handover.outbox import EVENTS


def save_sales_person(
    session: Session,
    *,
    user: str,
    actor: str,
    territory: Mapping[str, Any] | None = None,
    active: bool = True,
) -> bool:
    """Let a user (by e-mail address) take leads, or change for whom. Answers whether anything changed.

    `territory` holds `countries`, `languages`, `kinds`, each a list; empty: any lead.
    """
    person = users.actor(session, user)
    person.require(Permission.ANSWER_LEADS)
    wanted: dict[str, Any] = {"territory": checked_territory(territory or {}), "active": active}
    before = session.scalar(select(SalesPerson).where(SalesPerson.user_id == person.id))
    if before is not None and {"territory": before.territory, "active": before.active} == wanted:
        return False
    session.execute(
        insert(SalesPerson)
        .values(user_id=person.id, **wanted)
        .on_conflict_do_update(index_elements=[SalesPerson.user_id], set_=wanted)
    )
    audit.record(session, actor=actor, action="sales_person.save", object_type="user", object_id=person.id, **wanted)
    return True


def save_webhook_target(
    session: Session,
    *,
    name: str,
    url: str,
    actor: str,
    loopback: bool = False,
    active: bool = True,
    events: Sequence[str] = (),
) -> bool:
    """Store where leads are told, or change it. Answers whether anything changed; NotAllowed for an unfit address.

    `loopback` allows this machine and plain http, in development only. `events`: what it is told besides leads.
    """
    for event in events:
        if event not in EVENTS:
            raise WrongInput(
                "event_unknown",
                say("There is no event %(event)s.", event=repr(event)),
                say("There are: %(known)s.", known=", ".join(EVENTS)),
                "events",
            )
    if loopback and settings().mode is Mode.PRODUCTION:
        raise NotAllowed("target_refused", say("In production no webhook goes to this machine."))
    egress.check(url, loopback=loopback)
    wanted: dict[str, Any] = {"url": url, "loopback": loopback, "active": active, "events": list(dict.fromkeys(events))}
    before = session.scalar(select(WebhookTarget).where(WebhookTarget.name == name))
    if before is not None and {key: getattr(before, key) for key in wanted} == wanted:
        return False
    session.execute(
        insert(WebhookTarget)
        .values(name=name, **wanted)
        .on_conflict_do_update(index_elements=[WebhookTarget.name], set_=wanted)
    )
    audit.record(
        session, actor=actor, action="webhook_target.save", object_type="webhook_target", object_id=name, **wanted
    )
    return True


def target(session: Session, name: str) -> WebhookTarget:
    """The target of this name."""
    found = session.scalar(select(WebhookTarget).where(WebhookTarget.name == name))
    if found is None:
        raise NotFound("target_unknown", say("There is no webhook target %(name)s.", name=repr(name)))
    return found
