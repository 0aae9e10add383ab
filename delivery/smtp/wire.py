"""Bytes to and from a server: whole replies, one write, and a deadline for each answer."""

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import NamedTuple

from delivery.smtp.outcome import readable

# RFC 5321 allows 512 octets a line; servers write more, but nobody needs more than this for one reply.
LONGEST_REPLY = 64 * 1024
SLICE = 1.0
# Bytes that are read in one go.
AT_ONCE = 16 * 1024


class Lost(Exception):
    """The connection ended, stayed silent too long, or said something that is no SMTP. `sent`: bytes that left."""

    def __init__(self, why: str, *, sent: int = 0) -> None:
        super().__init__(why)
        self.sent = sent


class Reply(NamedTuple):
    """One complete answer: the code, and what each line says after it, as it came.

    Most replies are only asked for their code, so nothing else is made of them before somebody wants to read it.
    """

    code: int
    raw: tuple[bytes, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """Each line, readable."""
        return tuple(map(readable, self.raw))

    @property
    def text(self) -> str:
        """All lines as one."""
        return readable(b" ".join(self.raw))


class Wire:
    """A socket that reads replies and calls `waiting` about once a second while there is none."""

    def __init__(self, sock: socket.socket, *, waiting: Callable[[], None]) -> None:
        self.sock = sock
        self.waiting = waiting
        self._buffer = b""
        self._lines: list[bytes] = []
        self._size = 0

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
        while (found := self._complete()) is None:
            self._buffer += self._receive(until)
        return found

    def arrived(self) -> Iterator[Reply]:
        """The replies that came without waiting for any; the socket must not block. Raises Lost behind the last one."""
        closed = self._take_in()
        while (found := self._complete()) is not None:
            yield found
        if closed:
            raise Lost("the server closed the connection")

    def _take_in(self) -> bool:
        """Read what is there; answers whether the server closed the connection."""
        try:
            while data := self.sock.recv(AT_ONCE):
                self._buffer += data
                if len(data) < AT_ONCE and not self.encrypted:
                    return False
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as error:
            raise Lost(_why(error)) from error
        return True

    def push(self, parts: Sequence[bytes | memoryview]) -> int:
        """Give the kernel what it takes of these bytes without waiting; answers how many that were."""
        try:
            return self.sock.send(parts[0]) if self.encrypted else self.sock.sendmsg(parts)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except OSError as error:
            raise Lost(_why(error)) from error

    def _complete(self) -> Reply | None:
        """The next whole reply among the bytes that were read."""
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            line = line.removesuffix(b"\r")
            code, mark = line[:3], line[3:4]
            if not code.isdigit() or mark not in {b"", b" ", b"-"} or self._is_another(line):
                raise Lost(f"not an SMTP reply: {readable(line)}")
            if mark != b"-" and not self._lines:
                return Reply(int(code), (line[4:],))
            self._size += len(line)
            self._lines.append(line)
            if mark != b"-":
                return self._joined()
        if self._size + len(self._buffer) > LONGEST_REPLY:
            raise Lost("the reply is too long")
        return None

    def _is_another(self, line: bytes) -> bool:
        return bool(self._lines) and (line[:3] != self._lines[0][:3] or self._size > LONGEST_REPLY)

    def _joined(self) -> Reply:
        lines, self._lines, self._size = self._lines, [], 0
        return Reply(int(lines[0][:3]), tuple(line[4:] for line in lines))

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
