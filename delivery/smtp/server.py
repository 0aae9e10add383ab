"""Where mail is handed over: a transport URL as a checked value."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from core.errors import WrongInput
from core.sentences import say


class Security(StrEnum):
    """How the connection is protected. `starttls` means required: a server that does not offer it gets no mail."""

    NONE = "smtp"
    STARTTLS = "smtp+starttls"
    TLS = "smtps"


_CONNECTIONS = re.compile(r"(?:connections=([1-9]|[1-4][0-9]))?")

PORTS = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}


@dataclass(frozen=True)
class Server:
    """A mail server and how to greet it. `connections`: how many each worker keeps open to it at most."""

    host: str
    port: int
    security: Security = Security.NONE
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    connections: int = 4

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def server_at(url: str) -> Server:
    """Read `smtp://`, `smtp+starttls://` or `smtps://` with optional user, password and port.

    Raises WrongInput `transport_url_invalid`; the message never repeats the URL, because it may hold a password.
    """
    wrong = WrongInput(
        "transport_url_invalid",
        say("The address of the mail server cannot be used."),
        say(
            "Write it like smtp://127.0.0.1:2525, smtp+starttls://user:password@mail.example or smtps://…,"
            " with ?connections=8 for more connections."
        ),
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    several = _CONNECTIONS.fullmatch(parts.query)
    if parts.scheme not in set(Security) or not parts.hostname or parts.path.strip("/") or several is None:
        raise wrong
    security = Security(parts.scheme)
    return Server(
        host=parts.hostname,
        port=port or PORTS[security],
        security=security,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        connections=int(several[1] or 4),
    )
