"""Bytes to and from a server: whole replies, one write, and a deadline for each answer."""

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from delivery.smtp.outcome import readable

# RFC 5321 allows 512 octets a line; servers write more, but nobody needs more than this for one reply.
LONGEST_REPLY = 64 * 1024
SLICE = 1.0


class Lost(Exception):
    """The connection ended, stayed silent too long, or said something that is no SMTP. `sent`: bytes that left."""

    def __init__(self, why: str, *, sent: int = 0) -> None:
        super().__init__(why)
        self.sent = sent


@dataclass(frozen=True)
class Reply:
    """One complete answer, lines joined."""

    code: int
    text: str
    lines: tuple[str, ...]


class Wire:
    """A socket that reads replies and calls `waiting` about once a second while there is none."""

    def __init__(self, sock: socket.socket, *, waiting: Callable[[], None]) -> None:
        self.sock = sock
        self.waiting = waiting
        self._buffer = b""

    @property
    def encrypted(self) -> bool:
        """Whether the bytes are protected."""
        return isinstance(self.sock, ssl.SSLSocket)

    @property
    def has_unread(self) -> bool:
        """Whether more came than was asked for; before TLS that is somebody in the middle (CVE-2011-0411)."""
        return bool(self._buffer)

    def write(self, data: bytes, *, seconds: float) -> None:
        """Write everything or raise Lost with the number of bytes that the kernel took."""
        until = monotonic() + seconds
        left = memoryview(data)
        while left:
            self.sock.settimeout(min(SLICE, max(0.001, until - monotonic())))
            try:
                left = left[self.sock.send(left) :]
            except TimeoutError:
                self._pause(until, sent=len(data) - len(left))
            except OSError as error:
                raise Lost(_why(error), sent=len(data) - len(left)) from error

    def reply(self, *, seconds: float) -> Reply:
        """Read one reply. The time is for the whole of it, so a server that drips bytes gains nothing."""
        until = monotonic() + seconds
        lines: list[bytes] = []
        size = 0
        while True:
            line = self._line(until)
            size += len(line)
            if size > LONGEST_REPLY:
                raise Lost("the reply is too long")
            if not line[:3].isdigit() or line[3:4] not in {b"", b" ", b"-"} or (lines and line[:3] != lines[0][:3]):
                raise Lost(f"not an SMTP reply: {readable(line)}")
            lines.append(line)
            if line[3:4] != b"-":
                texts = tuple(readable(each[4:]) for each in lines)
                return Reply(code=int(line[:3]), text=readable(b" ".join(each[4:] for each in lines)), lines=texts)

    def _line(self, until: float) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > LONGEST_REPLY:
                raise Lost("the reply is too long")
            self._buffer += self._receive(until)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.removesuffix(b"\r")

    def _receive(self, until: float) -> bytes:
        while True:
            self.sock.settimeout(min(SLICE, max(0.001, until - monotonic())))
            try:
                data = self.sock.recv(4096)
            except TimeoutError:
                self._pause(until)
                continue
            except OSError as error:
                raise Lost(_why(error)) from error
            if not data:
                raise Lost("the server closed the connection")
            return data

    def _pause(self, until: float, *, sent: int = 0) -> None:
        if monotonic() >= until:
            raise Lost("the server did not answer in time", sent=sent)
        self.waiting()


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
