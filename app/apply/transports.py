"""Ways out of senders in the files. A secret is named there by its variable, and compared by a digest."""

from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.apply.schema import TransportItem
from core.errors import WrongInput
from core.sentences import say
from core.settings import named_secret
from delivery import TransportPlan, checked_limit, save_transport, shown_secret, shown_secrets
from delivery.models import Sender, Transport

Values = dict[str, Any]


class Hidden(str):
    """The digest of a secret, which is all that is compared and printed. `secret` is the secret itself."""

    __slots__ = ("secret",)

    secret: str


def wanted(item: TransportItem, folder: Path) -> Values:
    """What the file says, with the secrets that it names."""
    del folder
    values = item.model_dump(exclude={"secret_env", "hook_secret_env"})
    values |= {"url": item.url.rstrip("/"), "limits": checked_limit(item.limits)}
    named = {"secret": item.secret_env, "hook_secret": item.hook_secret_env}
    return values | {name: _hidden(variable, f"{name}_env") for name, variable in named.items()}


def _hidden(variable: str | None, field: str) -> Hidden:
    secret = named_secret(variable) if variable else ""
    if variable and not secret:
        raise WrongInput(
            "secret_missing",
            say("The variable %(name)s is not set.", name=variable),
            say("Set it where `crusoe apply` runs; the file names it only."),
            where=field,
        )
    hidden = Hidden(shown_secret(secret))
    hidden.secret = secret
    return hidden


def current(session: Session, values: Values) -> Values | None:
    """What is stored, in the same words."""
    row = session.execute(
        select(Transport, Sender.code)
        .join(Sender, Sender.id == Transport.sender_id)
        .where(Transport.code == values["code"])
    ).first()
    if row is None:
        return None
    transport, sender = row
    names = ("code", "kind", "url", "settings", "position", "weight", "enabled", "limits")
    return {name: getattr(transport, name) for name in names} | {"sender": sender} | shown_secrets(transport)


def write(session: Session, values: Values, actor: str) -> None:
    """Store it."""
    del actor
    secrets = {name: values[name].secret for name in ("secret", "hook_secret")}
    save_transport(session, plan=TransportPlan(**values | secrets))
