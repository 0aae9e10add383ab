"""One kept connection to one server: opened once, used for many mails, dropped when anything about it is unclear."""

from collections.abc import Callable

from delivery.smtp import greeting
from delivery.smtp.outcome import NotAttempted, Outcome
from delivery.smtp.server import Server
from delivery.smtp.session import Session, Timeouts


def _nothing() -> None:
    pass


class Connection:
    """A server, and the session with it as long as there is one.

    `waiting` is called about once a second while a greeting is awaited, so that leases can be renewed.
    """

    def __init__(
        self, server: Server, *, timeouts: Timeouts | None = None, waiting: Callable[[], None] = _nothing
    ) -> None:
        self.server = server
        self.timeouts = timeouts or Timeouts()
        self.waiting = waiting
        self.session: Session | None = None

    @property
    def is_open(self) -> bool:
        """Whether mail can be handed over without greeting the server first."""
        return self.session is not None

    def open(self, *, at_most: float = 600) -> Outcome | None:
        """Connect, greet, protect and sign in. None when ready; otherwise what stood in the way, as NotAttempted.

        `at_most` seconds for each step, for those who are in a hurry.
        """
        self.drop()
        try:
            wire, offers = greeting.greet(
                self.server,
                connect_seconds=min(at_most, self.timeouts.connect),
                seconds=min(at_most, self.timeouts.command),
                waiting=self._wait,
            )
        except greeting.Unwelcome as refusal:
            return NotAttempted(refusal.phase, refusal.code, refusal.text)
        self.session = Session(wire, offers, timeouts=self.timeouts, most=self.server.mails)
        return None

    def _wait(self) -> None:
        self.waiting()

    def close(self) -> None:
        """Say goodbye. Whatever happens here changes no outcome."""
        if self.session is not None:
            self.session.say_goodbye()
            self.drop()

    def renew(self, *, at_most: float) -> None:
        """Take leave and greet the server anew once as many mails as it allows went over this connection."""
        if self.session is not None and self.session.conversation.is_used_up:
            self.close()
            self.open(at_most=at_most)

    def drop(self) -> None:
        """Give the connection up without a word."""
        session, self.session = self.session, None
        if session is not None:
            session.end()
