"""Where mail is handed over: a transport URL as a checked value."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit

from core.errors import WrongInput
from core.sentences import say


class Security(StrEnum):
    """How the connection is protected. `starttls` means required: a server that does not offer it gets no mail."""

    NONE = "smtp"
    STARTTLS = "smtp+starttls"
    TLS = "smtps"


_OPTIONS = {"connections": re.compile(r"[1-9]|[1-4][0-9]"), "mails": re.compile(r"[1-9][0-9]{0,5}")}

PORTS = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}


@dataclass(frozen=True)
class Server:
    """A mail server and how to greet it.

    `connections`: how many each worker keeps open to it at most. `mails`: how many may be announced over one of them,
    where somebody said so; many servers close it afterwards.
    """

    host: str
    port: int
    security: Security = Security.NONE
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    connections: int = 4
    mails: int | None = None

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
            " with ?connections=8 for more connections, and ?mails=100 for at most so many mails over one of them."
        ),
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    options = _options(parts.query)
    if parts.scheme not in set(Security) or not parts.hostname or parts.path.strip("/") or options is None:
        raise wrong
    security = Security(parts.scheme)
    return Server(
        host=parts.hostname,
        port=port or PORTS[security],
        security=security,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        **options,
    )


def _options(query: str) -> dict[str, int] | None:
    """What stands behind the question mark; None when anything of it is not understood."""
    try:
        found = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        return None
    known = all(name in _OPTIONS and _OPTIONS[name].fullmatch(value) for name, value in found)
    return {name: int(value) for name, value in found} if known and len(dict(found)) == len(found) else None
