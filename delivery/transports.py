"""The ways out of a sender, as people set them up: checked when they are written down, secrets sealed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import WrongInput
from core.keys import keys, mac
from core.sealing import seal, unseal
from core.sentences import say
from delivery.models import Sender
from delivery.pace.limits import checked_limit
from delivery.providers.known import PROVIDERS, SMTP
from delivery.providers.models import Transport
from delivery.providers.routes import HOOK, SECRET
from delivery.smtp import server_at

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# They become part of addresses and headers.
_PLAIN = re.compile(r"[A-Za-z0-9._:/+@-]{1,200}")


@dataclass(frozen=True, kw_only=True)
class TransportPlan:
    """What somebody wants a way out to be. An empty `url` means the usual address of the provider."""

    code: str
    sender: str
    kind: str
    url: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    hook_secret: str = field(default="", repr=False)
    position: int = 0
    weight: int = 1
    enabled: bool = True
    limits: Mapping[str, Any] = field(default_factory=dict)


def save_transport(session: Session, *, plan: TransportPlan) -> Transport:
    """Create the way out or bring it to this plan."""
    sender_id = session.scalar(select(Sender.id).where(Sender.code == plan.sender))
    if sender_id is None:
        raise WrongInput("sender_unknown", say("There is no sender %(code)s.", code=repr(plan.sender)), where="sender")
    _check(plan)
    transport = session.scalar(select(Transport).where(Transport.code == plan.code))
    if transport is None:
        transport = Transport(code=plan.code)
        session.add(transport)
    transport.sender_id = sender_id
    transport.kind, transport.url, transport.settings = plan.kind, plan.url.rstrip("/"), dict(plan.settings)
    transport.secret = seal(plan.secret, purpose=SECRET) if plan.secret else None
    transport.hook_secret = seal(plan.hook_secret, purpose=HOOK) if plan.hook_secret else None
    transport.position, transport.weight, transport.enabled = plan.position, plan.weight, plan.enabled
    transport.limits = checked_limit(plan.limits)
    session.flush()
    return transport


def shown_secret(secret: str) -> str:
    """What stands for a secret where people compare: the same for the same secret, and no way back."""
    return mac(keys().webhook, b"shown\0" + secret.encode())[:6].hex() if secret else ""


def shown_secrets(transport: Transport) -> dict[str, str]:
    """What stands for the two secrets of a transport."""
    secret = unseal(transport.secret, purpose=SECRET) if transport.secret else ""
    hook = unseal(transport.hook_secret, purpose=HOOK) if transport.hook_secret else ""
    return {"secret": shown_secret(secret), "hook_secret": shown_secret(hook)}


def _check(plan: TransportPlan) -> None:
    if plan.kind == SMTP:
        _check_server(plan)
        return
    provider = PROVIDERS.get(plan.kind)
    if provider is None:
        known = ", ".join((SMTP, *sorted(PROVIDERS)))
        raise WrongInput("transport_kind", say("A transport is one of these: %(known)s.", known=known), where="kind")
    if not (plan.url or provider.url or "region" in provider.needs):
        raise WrongInput("transport_address", say("The address of the provider's server is missing."), where="url")
    if plan.url:
        _check_address(plan.url)
    missing = [name for name in provider.needs if not plan.settings.get(name)]
    if missing:
        raise WrongInput(
            "transport_settings",
            say("These settings are missing: %(names)s.", names=", ".join(missing)),
            where="settings",
        )
    wrong = [
        name
        for name, value in plan.settings.items()
        if name not in {*provider.needs, *provider.may} or not _PLAIN.fullmatch(value)
    ]
    if wrong:
        raise WrongInput(
            "transport_settings",
            say("These settings cannot be used: %(names)s.", names=", ".join(wrong)),
            where="settings",
        )
    if not plan.secret:
        raise WrongInput("transport_secret", say("A provider needs a secret."), where="secret_env")


def _check_server(plan: TransportPlan) -> None:
    """A password in the address would be readable wherever the address is shown."""
    if server_at(plan.url).password is not None:
        raise WrongInput(
            "transport_secret",
            say("The password of a mail server does not belong into its address."),
            say("Name the variable that holds it as `secret_env`."),
            where="url",
        )


def _check_address(url: str) -> None:
    """Keys and mails go there: encrypted, or to this very machine for trials."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = SplitResult("", "", "", "", ""), None
    plain = parts.scheme == "http" and host in LOOPBACK
    if not host or "@" in parts.netloc or parts.query or not (parts.scheme == "https" or plain):
        raise WrongInput(
            "transport_address",
            say("The address of a provider begins with https:// and holds no password."),
            where="url",
        )
