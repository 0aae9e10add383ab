"""Who mails come from: checked when they are written down, not when the first mail bounces."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import email_address
from contacts.models import Controller
from core.errors import WrongInput
from core.sentences import say
from delivery.models import Sender
from delivery.pace.limits import checked_limits

SCHEMES = frozenset({"smtp", "smtps", "smtp+starttls"})


@dataclass(frozen=True, kw_only=True)
class SenderPlan:
    """What somebody wants a sender to be."""

    code: str
    controller: str
    from_name: str
    from_address: str
    reply_to: str | None = None
    return_domain: str | None = None
    transport_url: str | None = None
    most_per_second: int | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)
    dkim_selector: str | None = None


def save_sender(session: Session, *, plan: SenderPlan) -> Sender:
    """Create the sender or bring it to this plan. The return domain is that of the From address unless given."""
    controller = session.scalar(select(Controller.id).where(Controller.code == plan.controller))
    if controller is None:
        raise WrongInput(
            "controller_unknown",
            say("There is no controller %(code)s.", code=repr(plan.controller)),
            where="controller",
        )
    _check_name(plan.from_name)
    _check_transport(plan.transport_url)
    address = _address(plan.from_address, "from_address")
    values = {
        "controller_id": controller,
        "from_name": plan.from_name,
        "from_address": plan.from_address.strip(),
        "reply_to": _address(plan.reply_to, "reply_to") and plan.reply_to if plan.reply_to else None,
        "return_domain": plan.return_domain or address.rpartition("@")[2],
        "transport_url": plan.transport_url,
        "most_per_second": plan.most_per_second,
        "limits": checked_limits(plan.limits),
        "dkim_selector": plan.dkim_selector,
    }
    sender = session.scalar(select(Sender).where(Sender.code == plan.code))
    if sender is None:
        sender = Sender(code=plan.code)
        session.add(sender)
    for name, value in values.items():
        setattr(sender, name, value)
    session.flush()
    return sender


def _address(text: str, name: str) -> str:
    try:
        return email_address(text).key
    except WrongInput as error:
        raise WrongInput("sender_address", error.message, where=name) from error


def _check_name(name: str) -> None:
    """A display name is a header: it may not carry a second one (RFC 5322, section 3.4)."""
    if any(ord(character) < ord(" ") or character in "\u2028\u2029" for character in name):
        raise WrongInput("sender_name", say("The name of a sender may not hold control characters."), where="from_name")


def _check_transport(url: str | None) -> None:
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise WrongInput(
            "transport_url",
            say("A transport looks like smtp://host:25, smtps://user@host or smtp+starttls://user@host:587."),
            where="transport_url",
        )
