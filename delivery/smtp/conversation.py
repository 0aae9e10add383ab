"""What is said over one connection, mail after mail: commands out, replies in, and what each reply means. No network.

With PIPELINING (RFC 2920) the envelope of the next mail leaves together with the body of this one, so a mail costs one
round trip; without it every command waits for its answer. A body never leaves before the server asked for it.
"""

import re
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from delivery.smtp.envelope import has_clean_lines, is_mailbox, on_the_wire
from delivery.smtp.outcome import Accepted, Deferred, NotAttempted, Outcome, Phase, Refused, Unknown
from delivery.smtp.wire import Reply

_MAIL_MAX = re.compile(r"(?:^| )MAILMAX=([1-9][0-9]{0,5})(?: |$)")
_ENDLESS = 2**62

CLOSING = 421
GO_AHEAD = 354


class Mail(NamedTuple):
    """An envelope and the bytes of a mail, in as many parts as they were made in: putting them together costs a copy.

    `canonical`: made by our own encoder, so lines end with CRLF and none of them begins with a dot.
    """

    sender: str
    recipient: str
    parts: tuple[bytes, ...]
    canonical: bool = False

    @property
    def content(self) -> bytes:
        """The whole mail."""
        return b"".join(self.parts)

    @property
    def size(self) -> int:
        """Its bytes, before anything is done for the way."""
        return sum(map(len, self.parts))

    @property
    def wire(self) -> tuple[bytes, ...]:
        """What follows the server's go-ahead, up to the final dot."""
        return (*self.parts, b".\r\n") if self.canonical else (on_the_wire(self.content),)


class Parcel(NamedTuple):
    """A mail on its way, and the number by which its outcome is told."""

    number: int
    mail: Mail


class Heard(NamedTuple):
    """What follows from a reply: what to say next, which mail ended how, and whether the connection must be dropped."""

    say: bytes = b""
    ended: tuple[Parcel, Outcome] | None = None
    over: bool = False


_NOTHING = Heard()


class Conversation:
    """One session after the greeting. `announced` had its envelope said, `delivering` its body: at most one of each.

    After `most` mails, or as many as the server says it takes over one connection (RFC 9422), no other is announced.
    """

    def __init__(self, offers: Mapping[str, str], *, most: int | None = None) -> None:
        self.announced: list[Parcel] = []
        self.delivering: list[Parcel] = []
        self._offers = offers
        self._pipelines = "PIPELINING" in offers
        self._may_still = min(most or _ENDLESS, _mail_max(offers))
        self._awaited: deque[Phase] = deque()
        self._unsaid: deque[tuple[Phase, bytes]] = deque()
        self._refusal: Outcome | None = None
        self._wanted = False
        self._used = False
        self._fresh = True
        self._needs_reset = False

    @property
    def awaited(self) -> Phase | None:
        """What the next reply is about; None when none is due."""
        return self._awaited[0] if self._awaited else None

    @property
    def may_announce(self) -> bool:
        """Whether the envelope of another mail may be said now."""
        return not self.announced and not self.is_used_up and (not self.delivering or self._pipelines)

    @property
    def is_used_up(self) -> bool:
        """Whether as many mails were announced as one connection may carry."""
        return self._may_still <= 0

    @property
    def may_deliver(self) -> bool:
        """Whether the server waits for the body of the announced mail."""
        return self._wanted

    def unfit(self, mail: Mail) -> Outcome | None:
        """What would be wrong with this mail at any server, or at this one."""
        if not is_mailbox(mail.sender):
            return Refused(Phase.MAIL, None, "the return path is no plain address")
        if not is_mailbox(mail.recipient):
            return Refused(Phase.RCPT, None, "the recipient is no plain address")
        if not mail.canonical and not has_clean_lines(mail.content):
            return Refused(Phase.BODY, None, "the mail has line ends other than CRLF")
        if not mail.recipient.isascii() and "SMTPUTF8" not in self._offers:
            return Refused(Phase.RCPT, None, "5.6.7 the server takes no international addresses")
        limit = self._offers.get("SIZE", "")
        if limit.isdigit() and 0 < int(limit) < mail.size:
            return Refused(Phase.MAIL, None, f"5.3.4 the server takes at most {limit} bytes")
        return None

    def announce(self, parcel: Parcel) -> bytes:
        """MAIL, RCPT and DATA, in one write where the server allows it; what to say now."""
        self.announced.append(parcel)
        self._may_still -= 1
        self._refusal = None
        self._fresh, self._used = not self._used, True
        commands = self._commands(parcel.mail)
        if self._pipelines:
            self._awaited.extend(phase for phase, _ in commands)
            return b"".join(line for _, line in commands)
        self._unsaid.extend(commands)
        return self._next_command()

    def _commands(self, mail: Mail) -> list[tuple[Phase, bytes]]:
        options = b"" if mail.recipient.isascii() else b" SMTPUTF8"
        commands = [
            (Phase.MAIL, b"MAIL FROM:<" + mail.sender.encode() + b">" + options + b"\r\n"),
            (Phase.RCPT, b"RCPT TO:<" + mail.recipient.encode() + b">\r\n"),
            (Phase.DATA, b"DATA\r\n"),
        ]
        if self._needs_reset:
            self._needs_reset = False
            commands.insert(0, (Phase.RSET, b"RSET\r\n"))
        return commands

    def _next_command(self) -> bytes:
        phase, line = self._unsaid.popleft()
        self._awaited.append(phase)
        return line

    def deliver(self) -> tuple[bytes, ...]:
        """The body of the announced mail with its final dot; from now on only a reply tells what became of it."""
        parcel = self.take_back()
        self.delivering.append(parcel)
        self._awaited.append(Phase.DOT)
        return parcel.mail.wire

    def take_back(self) -> Parcel:
        """The announced mail, which shall not leave after all. Nothing else can be said afterwards."""
        self._wanted = False
        return self.announced.pop()

    def hear(self, reply: Reply) -> Heard:
        """What one reply means. Replies that nobody waits for end the connection."""
        if not self._awaited:
            return Heard(over=True)
        phase = self._awaited.popleft()
        return self._hear_dot(reply) if phase is Phase.DOT else self._hear_envelope(phase, reply)

    def _hear_envelope(self, phase: Phase, reply: Reply) -> Heard:
        self._refusal = self._refusal or _judged(phase, reply)
        if self._refusal is None:
            if self._unsaid:
                return Heard(say=self._next_command())
            self._wanted = not self._awaited
            return _NOTHING
        self._unsaid.clear()
        # It wants a body for a mail it refused; a dot could be taken for an empty mail.
        wants_a_body = phase is Phase.DATA and reply.code == GO_AHEAD
        return self._refused(self._refusal, over=wants_a_body) if not self._awaited else _NOTHING

    def _refused(self, refusal: Outcome, *, over: bool) -> Heard:
        parcel = self.announced.pop()
        self._needs_reset = True
        over = over or refusal.code == CLOSING or refusal.phase is Phase.RSET
        if over and refusal.phase in {Phase.RSET, Phase.MAIL} and not self._fresh:
            # The server has had enough of this connection, not of this mail.
            refusal = NotAttempted(refusal.phase, refusal.code, refusal.text)
        return Heard(ended=(parcel, refusal), over=over)

    def _hear_dot(self, reply: Reply) -> Heard:
        parcel = self.delivering.pop()
        match reply.code // 100:
            case 2:
                return Heard(ended=(parcel, Accepted(Phase.DOT, reply.code, reply.text)))
            case 4:
                outcome: Outcome = Deferred(Phase.DOT, reply.code, reply.text)
            case 5:
                outcome = Refused(Phase.DOT, reply.code, reply.text)
            case _:
                return Heard(ended=(parcel, Unknown(Phase.DOT, reply.code, reply.text)), over=True)
        # An envelope that is on its way already came after the end of this mail, which clears the server's buffers.
        self._needs_reset = not self.announced
        return Heard(ended=(parcel, outcome), over=reply.code == CLOSING)

    def lost(self, why: str, *, body_left: bool, encrypted: bool) -> list[tuple[Parcel, Outcome]]:
        """How the mails under way end when the connection does.

        `body_left`: the last bytes of the body did not leave. Without encryption the server cannot have read them then.
        """
        body = _lost_body(why, body_left=body_left, encrypted=encrypted)
        ended = [(parcel, body) for parcel in self.delivering]
        ended += [(parcel, self._lost_envelope(why)) for parcel in self.announced]
        self.announced.clear()
        self.delivering.clear()
        self._awaited.clear()
        self._unsaid.clear()
        self._wanted = False
        return ended

    def _lost_envelope(self, why: str) -> Outcome:
        phase = Phase.DATA if self._wanted else self._awaited[0]
        untouched = phase in {Phase.DOT, Phase.RSET, Phase.MAIL} and not self._fresh
        if untouched and self._refusal is None:
            return NotAttempted(Phase.MAIL, None, f"the kept connection was gone: {why}")
        return self._refusal or Deferred(phase, None, why)


def _mail_max(offers: Mapping[str, str]) -> int:
    found = _MAIL_MAX.search(offers.get("LIMITS", ""))
    return int(found[1]) if found else _ENDLESS


def _judged(phase: Phase, reply: Reply) -> Outcome | None:
    wanted = reply.code == GO_AHEAD if phase is Phase.DATA else 200 <= reply.code < 300  # noqa: PLR2004 - RFC 5321
    if wanted:
        return None
    if reply.code >= 500:  # noqa: PLR2004 - RFC 5321
        return Refused(phase, reply.code, reply.text)
    return Deferred(phase, reply.code, reply.text)


def _lost_body(why: str, *, body_left: bool, encrypted: bool) -> Outcome:
    if body_left:
        return Unknown(Phase.BODY, None, why) if encrypted else Deferred(Phase.BODY, None, why)
    return Unknown(Phase.DOT, None, why)
