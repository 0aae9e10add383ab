"""What can become of one mail at the door of a server."""

from dataclasses import dataclass
from enum import StrEnum

LONGEST_TEXT = 1024


class Phase(StrEnum):
    """How far the talk with the server had come."""

    CONNECT = "connect"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"
    RSET = "rset"
    QUIT = "quit"


@dataclass(frozen=True)
class Outcome:
    """The phase that decided, and what the server said there; `code` is absent when it said nothing usable."""

    phase: Phase
    code: int | None
    text: str


class Accepted(Outcome):
    """The server answered the final dot with yes: the mail is now its duty."""


@dataclass(frozen=True)
class Deferred(Outcome):
    """Certainly not accepted, and worth another try later; `after` so many seconds, where somebody asked for it."""

    after: float = 0


class Refused(Outcome):
    """Certainly not accepted, and not worth another try."""


class Unknown(Outcome):
    """The final dot may have been read, and no answer to it was: the mail may have arrived, or not."""


class NotAttempted(Outcome):
    """Nothing about this mail reached the server, or it was taken back before its final dot. Costs no attempt."""


def readable(raw: bytes) -> str:
    """What a server said, fit for the database and a page: at most 1 KB, one line, without control characters."""
    text = raw[:LONGEST_TEXT].decode("utf-8", "replace")
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line.encode()[:LONGEST_TEXT].decode("utf-8", "ignore")
