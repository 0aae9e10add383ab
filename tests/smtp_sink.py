"""A mail server that does as it is told: the other end of every test that hands mail over.

It keeps the first moment, the recipient and the Message-ID of every DATA, and whether it took the mail, so that a test
can compare the ledger with what really happened.
"""

# ruff: noqa: ARG002 - all verbs are answered by methods of one shape

import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Say:
    """Answer with these bytes; one by one when dripping, `pause` seconds apart."""

    raw: bytes
    after: float = 0
    dripping: bool = False
    pause: float = 0


@dataclass(frozen=True)
class Drop:
    """Close the connection without a word. `taken`: after the final dot, keep the mail nevertheless."""

    taken: bool = False
    after: float = 0


@dataclass(frozen=True)
class Hang:
    """Say nothing for so many seconds, then close."""

    seconds: float


Action = Say | Drop | Hang
# Asked at every step with the verb (`CONNECT`, `EHLO`, ..., `DATA`, `BODY` before it is read, `DOT`), the recipient so
# far, and how often it was asked.
Behaviour = Callable[[str, str, int], Action | None]


@dataclass
class Delivery:
    """One DATA: when it began, for whom, and what became of it."""

    sender: str
    recipient: str
    at: float
    message_id: str = ""
    taken: bool = False
    content: bytes = field(default=b"", repr=False)


def say(code: int, text: str = "ok", **options: object) -> Say:
    return Say(f"{code} {text}\r\n".encode(), **options)  # type: ignore[arg-type]


def on(verb: str, action: Action, *, times: int = 10**9) -> Behaviour:
    """Do `action` at the first so many steps of this verb; agree to everything else."""
    return lambda at, _recipient, count: action if at == verb and count <= times else None


class Sink:
    """Listens on a free port of the loopback; use as a context manager."""

    def __init__(
        self,
        behaviour: Behaviour = lambda _verb, _recipient, _count: None,
        *,
        offers: tuple[str, ...] = ("PIPELINING", "8BITMIME"),
        tls: ssl.SSLContext | None = None,
        tls_at_once: bool = False,
        keep_content: bool = True,
    ) -> None:
        self.behaviour = behaviour
        self.offers = offers
        self.tls = tls
        self.tls_at_once = tls_at_once
        self.keep_content = keep_content
        self.deliveries: list[Delivery] = []
        self.commands: list[str] = []
        self.connections = 0
        self.writes: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def taken(self) -> list[Delivery]:
        with self._lock:
            return [each for each in self.deliveries if each.taken]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for sock in list(self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        self._open.add(sock)
        try:
            if self.tls is not None and self.tls_at_once:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._open.add(sock)
            _Session(self, sock).run()
        except (OSError, _End):
            pass
        finally:
            self._open.discard(sock)
            sock.close()

    def asked(self, verb: str, recipient: str) -> Action | None:
        with self._lock:
            self._counts[verb] += 1
            count = self._counts[verb]
        return self.behaviour(verb, recipient, count)


class _End(Exception):
    pass


class _Session:
    def __init__(self, sink: Sink, sock: socket.socket) -> None:
        self.sink = sink
        self.sock = sock
        self.buffer = b""
        self.sender = ""
        self.recipient = ""

    def run(self) -> None:
        self.step("CONNECT", b"220 sink.example ready\r\n")
        while True:
            line = self.line()
            verb = line[:4].upper()
            self.sink.commands.append(line)
            getattr(self, f"on_{verb.lower()}", self.on_other)(line, verb)

    def on_ehlo(self, line: str, verb: str) -> None:
        words = ["sink.example", *self.sink.offers]
        marks = ["-"] * (len(words) - 1) + [" "]
        self.step(verb, b"".join(f"250{mark}{word}\r\n".encode() for mark, word in zip(marks, words, strict=True)))

    def on_star(self, line: str, verb: str) -> None:
        self.step("STARTTLS", b"220 go ahead\r\n")
        if self.sink.tls is None:
            # It said that it can and cannot: the connection is cut in the middle of the handshake.
            self.read()
            raise _End
        self.sock = self.sink.tls.wrap_socket(self.sock, server_side=True)

    def on_auth(self, line: str, verb: str) -> None:
        self.step(verb, b"235 welcome\r\n")

    def on_mail(self, line: str, verb: str) -> None:
        if self.sender:
            self.step(verb, b"503 5.5.1 sender already specified\r\n")
            return
        if self.step(verb, b"250 ok\r\n"):
            self.sender = line[line.index("<") + 1 : line.index(">")]

    def on_rcpt(self, line: str, verb: str) -> None:
        recipient = line[line.index("<") + 1 : line.index(">")]
        if self.step(verb, b"250 ok\r\n", recipient) and self.sender:
            self.recipient = recipient

    def on_data(self, line: str, verb: str) -> None:
        if not self.recipient:
            self.step("NODATA", b"503 5.5.1 no valid recipients\r\n")
            return
        delivery = Delivery(self.sender, self.recipient, time.time())
        if not self.step(verb, b"354 go on\r\n", self.recipient):
            return
        with self.sink._lock:
            self.sink.deliveries.append(delivery)
        self.act(self.sink.asked("BODY", delivery.recipient), b"")
        content = self.body()
        found = re.search(rb"(?im)^Message-ID: *(\S+)", content)
        delivery.message_id = found.group(1).decode() if found else ""
        if self.sink.keep_content:
            delivery.content = content
        self.dot(delivery)
        self.sender = self.recipient = ""

    def dot(self, delivery: Delivery) -> None:
        action = self.sink.asked("DOT", delivery.recipient)
        raw = action.raw if isinstance(action, Say) else b"250 2.0.0 queued\r\n"
        # Taken before the answer leaves, as a real server does.
        delivery.taken = action.taken if isinstance(action, Drop) else raw.startswith(b"2")
        self.act(action, b"250 2.0.0 queued\r\n")

    def on_rset(self, line: str, verb: str) -> None:
        self.sender = self.recipient = ""
        self.step(verb, b"250 ok\r\n")

    def on_quit(self, line: str, verb: str) -> None:
        self.step(verb, b"221 bye\r\n")
        raise _End

    def on_other(self, line: str, verb: str) -> None:
        self.step(verb, b"250 ok\r\n" if verb in {"HELO", "NOOP"} else b"502 5.5.2 unknown\r\n")

    def step(self, verb: str, usual: bytes, recipient: str = "") -> bool:
        action = self.sink.asked(verb, recipient or self.recipient)
        return self.act(action, usual).startswith((b"2", b"3"))

    def act(self, action: Action | None, usual: bytes) -> bytes:
        if action is None:
            self.sock.sendall(usual)
            return usual
        if isinstance(action, Hang):
            time.sleep(action.seconds)
            raise _End
        if action.after:
            time.sleep(action.after)
        if isinstance(action, Drop):
            raise _End
        for piece in [action.raw[n : n + 1] for n in range(len(action.raw))] if action.dripping else [action.raw]:
            self.sock.sendall(piece)
            time.sleep(action.pause)
        return action.raw

    def line(self) -> str:
        while b"\r\n" not in self.buffer:
            self.read()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        # A handshake that a server in the clear takes for commands is no text, and may hold the end of a line.
        return line.decode("utf-8", "replace")

    def body(self) -> bytes:
        while not (self.buffer.startswith(b".\r\n") or b"\r\n.\r\n" in self.buffer):
            self.read()
        content, _, self.buffer = self.buffer.partition(b"\r\n.\r\n")
        return re.sub(rb"(?m)^\.\.", b".", content + b"\r\n")

    def read(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise _End
        self.buffer += data
