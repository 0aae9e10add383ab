"""One kept connection to one server, and the steps of handing a mail over."""

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from delivery.smtp import greeting
from delivery.smtp.envelope import has_clean_lines, is_mailbox, on_the_wire
from delivery.smtp.outcome import Accepted, Deferred, NotAttempted, Outcome, Phase, Refused, Unknown
from delivery.smtp.server import Server
from delivery.smtp.wire import Lost, Reply, Wire

CLOSING = 421
GO_AHEAD = 354


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait in each phase; RFC 5321 section 4.5.3.2 asks for ten minutes after the final dot."""

    connect: float = 30
    command: float = 60
    body: float = 120
    dot: float = 600
    quit: float = 2


@dataclass(frozen=True)
class Mail:
    """An envelope and the bytes of a mail."""

    sender: str
    recipient: str
    content: bytes


def _nothing() -> None:
    pass


class Connection:
    """A session with a server: opened once, used for many mails, dropped when anything about it is unclear.

    `waiting` is called about once a second while an answer is awaited, so that leases can be renewed.
    """

    def __init__(
        self, server: Server, *, timeouts: Timeouts | None = None, waiting: Callable[[], None] = _nothing
    ) -> None:
        self.server = server
        self.timeouts = timeouts or Timeouts()
        self.waiting = waiting
        self._wire: Wire | None = None
        self._offers: dict[str, str] = {}
        self._used = False
        self._needs_reset = False

    @property
    def is_open(self) -> bool:
        """Whether mail can be handed over without greeting the server first."""
        return self._wire is not None

    def open(self, *, at_most: float = 600) -> Outcome | None:
        """Connect, greet, protect and sign in. None when ready; otherwise what stood in the way, as NotAttempted.

        `at_most` seconds for each step, for those who are in a hurry.
        """
        self.drop()
        try:
            self._wire, self._offers = greeting.greet(
                self.server,
                connect_seconds=min(at_most, self.timeouts.connect),
                seconds=min(at_most, self.timeouts.command),
                waiting=self._wait,
            )
        except greeting.Unwelcome as refusal:
            return NotAttempted(refusal.phase, refusal.code, refusal.text)
        self._used = self._needs_reset = False
        return None

    def _wait(self) -> None:
        self.waiting()

    def send(self, mail: Mail, *, still_ours: Callable[[], bool] = lambda: True) -> Outcome:
        """Hand one mail over. `still_ours` is asked right before the body leaves; a no takes the mail back."""
        wrong = self._unfit(mail)
        if wrong is not None:
            return wrong
        if self._wire is None:
            return NotAttempted(Phase.CONNECT, None, "not connected")
        fresh, self._used = not self._used, True
        refused = self._announce(self._wire, mail, fresh=fresh)
        if refused is not None:
            return refused
        if not still_ours():
            # The server waits for a body: only closing the connection says clearly that none will come.
            self.drop()
            return NotAttempted(Phase.DATA, None, "taken back before the body")
        return self._deliver(self._wire, mail)

    def _unfit(self, mail: Mail) -> Outcome | None:
        """What would be wrong with any server, or with this one."""
        if not is_mailbox(mail.sender):
            return Refused(Phase.MAIL, None, "the return path is no plain address")
        if not is_mailbox(mail.recipient):
            return Refused(Phase.RCPT, None, "the recipient is no plain address")
        if not has_clean_lines(mail.content):
            return Refused(Phase.BODY, None, "the mail has line ends other than CRLF")
        if not mail.recipient.isascii() and self._wire is not None and "SMTPUTF8" not in self._offers:
            return Refused(Phase.RCPT, None, "5.6.7 the server takes no international addresses")
        limit = self._offers.get("SIZE", "")
        if limit.isdigit() and 0 < int(limit) < len(mail.content):
            return Refused(Phase.MAIL, None, f"5.3.4 the server takes at most {limit} bytes")
        return None

    def _announce(self, wire: Wire, mail: Mail, *, fresh: bool) -> Outcome | None:
        """MAIL, RCPT and DATA, in one write where the server allows it (RFC 2920). None when the body may follow."""
        commands = self._commands(mail)
        group = [commands] if "PIPELINING" in self._offers else [[each] for each in commands]
        refusal: Outcome | None = None
        phase = Phase.MAIL
        try:
            for part in group:
                if refusal is not None:
                    break
                phase = part[0][0]
                wire.write(b"".join(line for _, line in part), seconds=self.timeouts.command)
                for phase, _ in part:
                    reply = wire.reply(seconds=self.timeouts.command)
                    refusal = refusal or self._judge(phase, reply)
                    if phase is Phase.DATA and refusal is not None and reply.code == GO_AHEAD:
                        # It wants a body for a mail it refused; a dot could be taken for an empty mail.
                        self.drop()
        except Lost as error:
            self.drop()
            if phase in {Phase.RSET, Phase.MAIL} and not fresh and refusal is None:
                return NotAttempted(phase, None, f"the kept connection was gone: {error}")
            return refusal or Deferred(phase, None, str(error))
        if refusal is None:
            return None
        return self._refused(refusal, fresh=fresh)

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

    def _judge(self, phase: Phase, reply: Reply) -> Outcome | None:
        wanted = reply.code == GO_AHEAD if phase is Phase.DATA else 200 <= reply.code < 300  # noqa: PLR2004 - RFC 5321
        if wanted:
            return None
        if reply.code >= 500:  # noqa: PLR2004 - RFC 5321
            return Refused(phase, reply.code, reply.text)
        return Deferred(phase, reply.code, reply.text)

    def _refused(self, refusal: Outcome, *, fresh: bool) -> Outcome:
        self._needs_reset = True
        if refusal.code == CLOSING or refusal.phase is Phase.RSET:
            self.drop()
            if refusal.phase in {Phase.RSET, Phase.MAIL} and not fresh:
                # The server has had enough of this connection, not of this mail.
                return NotAttempted(refusal.phase, refusal.code, refusal.text)
        return refusal

    def _deliver(self, wire: Wire, mail: Mail) -> Outcome:
        """Body and final dot in one write: with two, Nagle and delayed acknowledgement cost 40 ms each mail."""
        body = on_the_wire(mail.content)
        try:
            wire.write(body, seconds=self.timeouts.body)
        except Lost as error:
            self.drop()
            if wire.encrypted or error.sent >= len(body):
                return Unknown(Phase.BODY, None, str(error))
            return Deferred(Phase.BODY, None, str(error))
        try:
            reply = wire.reply(seconds=self.timeouts.dot)
        except Lost as error:
            self.drop()
            return Unknown(Phase.DOT, None, str(error))
        return self._settled(reply)

    def _settled(self, reply: Reply) -> Outcome:
        match reply.code // 100:
            case 2:
                return Accepted(Phase.DOT, reply.code, reply.text)
            case 4:
                outcome: Outcome = Deferred(Phase.DOT, reply.code, reply.text)
            case 5:
                outcome = Refused(Phase.DOT, reply.code, reply.text)
            case _:
                self.drop()
                return Unknown(Phase.DOT, reply.code, reply.text)
        self._needs_reset = True
        if reply.code == CLOSING:
            self.drop()
        return outcome

    def close(self) -> None:
        """Say goodbye. Whatever happens here changes no outcome."""
        if self._wire is not None:
            with suppress(Lost):
                self._wire.write(b"QUIT\r\n", seconds=self.timeouts.quit)
                self._wire.reply(seconds=self.timeouts.quit)
            self.drop()

    def drop(self) -> None:
        """Give the connection up without a word."""
        wire, self._wire = self._wire, None
        if wire is not None:
            with suppress(OSError):
                wire.sock.shutdown(socket.SHUT_RDWR)
            wire.sock.close()
