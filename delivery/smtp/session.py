"""An open session: bytes that wait to be written, replies that came, and how long the server may be silent."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from delivery.smtp.conversation import Conversation, Parcel
from delivery.smtp.outcome import Outcome, Phase
from delivery.smtp.wire import Lost, Reply, Wire


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait in each phase; RFC 5321 section 4.5.3.2 asks for ten minutes after the final dot."""

    connect: float = 30
    command: float = 60
    body: float = 120
    dot: float = 600
    quit: float = 2


class Session:
    """What is between a greeting and a goodbye. Nothing but the goodbye waits here; `Exchange` waits for servers.

    `deadline`: when the server will have been silent for too long, by the monotonic clock.
    """

    def __init__(self, wire: Wire, offers: Mapping[str, str], *, timeouts: Timeouts, most: int | None = None) -> None:
        self.conversation = Conversation(offers, most=most)
        self.timeouts = timeouts
        self.deadline = 0.0
        self._wire = wire
        self._unsaid: list[bytes | memoryview] = []
        self._body_left = 0

    @property
    def socket(self) -> socket.socket:
        """The open socket."""
        return self._wire.sock

    def blocks(self, waits: bool) -> None:
        """Whether reading and writing wait for the server."""
        self.socket.setblocking(waits)

    @property
    def is_busy(self) -> bool:
        """Whether anything is under way."""
        return self.has_unsaid or self.conversation.awaited is not None or self.conversation.may_deliver

    @property
    def has_unsaid(self) -> bool:
        """Whether bytes wait until the server reads those before them."""
        return bool(self._unsaid)

    def say_body(self, body: Sequence[bytes], envelope: bytes) -> None:
        """Write the body of a mail, and the envelope of the next one if there is any, without waiting."""
        self._body_left = sum(map(len, self._unsaid)) + sum(map(len, body))
        self.say(*body, envelope)

    def say(self, *parts: bytes) -> None:
        """Write without waiting; what the kernel does not take now waits for `flush`."""
        self._unsaid += (b"".join(parts),) if self._wire.encrypted else parts
        self.flush()

    def flush(self) -> None:
        """Write what still waits. Raises Lost when the connection is gone."""
        while self._unsaid and (sent := self._wire.push(self._unsaid)):
            self._body_left = max(0, self._body_left - sent)
            self._unsaid = _left(self._unsaid, sent)
        self._wait_anew()

    def arrived(self) -> Iterator[Reply]:
        """Replies that came. Raises Lost when the connection is gone, or when what came is no SMTP."""
        whole = False
        for reply in self._wire.arrived():
            whole = True
            yield reply
        # For whole replies, not for each byte: a server that drips gains nothing.
        if whole:
            self._wait_anew()

    def _wait_anew(self) -> None:
        if self._body_left:
            seconds = self.timeouts.body
        else:
            seconds = self.timeouts.dot if self.conversation.awaited is Phase.DOT else self.timeouts.command
        self.deadline = monotonic() + seconds

    def lost(self, why: str) -> list[tuple[Parcel, Outcome]]:
        """The connection is gone or given up; answers how the mails end that were under way."""
        encrypted, body_left = self._wire.encrypted, bool(self._body_left)
        return self.conversation.lost(why, body_left=body_left, encrypted=encrypted)

    def say_goodbye(self) -> None:
        """QUIT, and wait shortly for the answer."""
        with suppress(Lost):
            self._wire.write(b"QUIT\r\n", seconds=self.timeouts.quit)
            self._wire.reply(seconds=self.timeouts.quit)

    def end(self) -> None:
        """Close the connection without a word."""
        with suppress(OSError):
            self._wire.sock.shutdown(socket.SHUT_RDWR)
        self._wire.sock.close()


def _left(parts: list[bytes | memoryview], sent: int) -> list[bytes | memoryview]:
    """What is left of these when so many bytes of them left, which mostly is nothing."""
    if sent == sum(map(len, parts)):
        return []
    at = 0
    while sent >= len(parts[at]):
        sent -= len(parts[at])
        at += 1
    return [memoryview(parts[at])[sent:], *parts[at + 1 :]]
