"""From an unopened socket to a server that is ready for mail: connect, EHLO, STARTTLS, AUTH."""

import base64
import ipaddress
import socket
import ssl
from collections.abc import Callable

from delivery.smtp.outcome import Phase
from delivery.smtp.server import Security, Server
from delivery.smtp.wire import Lost, Reply, Wire

READY = 220
DONE = 250
SIGNED_IN = 235
CONTINUE = 334


class Unwelcome(Exception):
    """The server did not come to the point where it takes mail."""

    def __init__(self, phase: Phase, code: int | None, text: str) -> None:
        super().__init__(f"{phase}: {text}")
        self.phase = phase
        self.code = code
        self.text = text


def greet(
    server: Server, *, connect_seconds: float, seconds: float, waiting: Callable[[], None]
) -> tuple[Wire, dict[str, str]]:
    """Open the session; answers the wire and what the server offers (EHLO keywords). Raises Unwelcome."""
    wire = _connect(server, seconds=connect_seconds, waiting=waiting)
    phase = Phase.CONNECT
    try:
        _expect(phase, wire.reply(seconds=seconds), READY)
        phase = Phase.EHLO
        offers = _introduce(wire, seconds=seconds)
        if server.security is Security.STARTTLS:
            phase = Phase.STARTTLS
            wire = _protect(wire, server, offers, seconds=seconds)
            phase = Phase.EHLO
            offers = _introduce(wire, seconds=seconds)
        phase = Phase.AUTH
        _sign_in(wire, server, offers, seconds=seconds)
    except (Lost, OSError) as error:
        wire.sock.close()
        raise Unwelcome(phase, None, str(error) or type(error).__name__) from error
    except Unwelcome:
        wire.sock.close()
        raise
    return wire, offers


def _connect(server: Server, *, seconds: float, waiting: Callable[[], None]) -> Wire:
    try:
        sock = socket.create_connection((server.host, server.port), timeout=seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if server.security is Security.TLS:
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=server.host)
    except OSError as error:
        raise Unwelcome(Phase.CONNECT, None, error.strerror or str(error)) from error
    return Wire(sock, waiting=waiting)


def _introduce(wire: Wire, *, seconds: float) -> dict[str, str]:
    name = _own_name(wire.sock)
    reply = _ask(wire, f"EHLO {name}", seconds=seconds)
    if reply.code != DONE:
        # A server from before 1995, or one that pretends: it offers nothing.
        _expect(Phase.EHLO, _ask(wire, f"HELO {name}", seconds=seconds), DONE)
        return {}
    words = (line.partition(" ") for line in reply.lines[1:])
    return {keyword.upper(): rest.upper() for keyword, _, rest in words}


def _own_name(sock: socket.socket) -> str:
    name = socket.getfqdn()
    if "." in name and name.isascii() and all(part.replace("-", "a").isalnum() for part in name.split(".")):
        return name
    address = str(sock.getsockname()[0])
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _protect(wire: Wire, server: Server, offers: dict[str, str], *, seconds: float) -> Wire:
    if "STARTTLS" not in offers:
        raise Unwelcome(Phase.STARTTLS, None, "the server does not offer the encryption that is required")
    _expect(Phase.STARTTLS, _ask(wire, "STARTTLS", seconds=seconds), READY)
    if wire.has_unread:
        raise Unwelcome(Phase.STARTTLS, None, "bytes came before the encryption began")
    wire.sock.settimeout(seconds)
    sock = ssl.create_default_context().wrap_socket(wire.sock, server_hostname=server.host)
    return Wire(sock, waiting=wire.waiting)


def _sign_in(wire: Wire, server: Server, offers: dict[str, str], *, seconds: float) -> None:
    if server.username is None:
        return
    if not wire.encrypted and not _is_loopback(wire.sock):
        raise Unwelcome(Phase.AUTH, None, "the password is not sent over an unprotected connection")
    methods = offers.get("AUTH", "").split()
    password = server.password or ""
    if "PLAIN" in methods:
        secret = f"\0{server.username}\0{password}"
        reply = _ask(wire, f"AUTH PLAIN {_encoded(secret)}", seconds=seconds)
    elif "LOGIN" in methods:
        _expect(Phase.AUTH, _ask(wire, "AUTH LOGIN", seconds=seconds), CONTINUE)
        _expect(Phase.AUTH, _ask(wire, _encoded(server.username), seconds=seconds), CONTINUE)
        reply = _ask(wire, _encoded(password), seconds=seconds)
    else:
        raise Unwelcome(Phase.AUTH, None, "the server offers neither AUTH PLAIN nor AUTH LOGIN")
    _expect(Phase.AUTH, reply, SIGNED_IN)


def _is_loopback(sock: socket.socket) -> bool:
    return ipaddress.ip_address(sock.getpeername()[0]).is_loopback


def _encoded(secret: str) -> str:
    return base64.b64encode(secret.encode()).decode()


def _ask(wire: Wire, command: str, *, seconds: float) -> Reply:
    wire.write(command.encode() + b"\r\n", seconds=seconds)
    return wire.reply(seconds=seconds)


def _expect(phase: Phase, reply: Reply, code: int) -> None:
    if reply.code != code:
        raise Unwelcome(phase, reply.code, reply.text)
