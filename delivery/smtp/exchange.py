"""Handing mails over through several connections at once, in one thread that waits for whichever server answers first.

While one server reads or thinks, the next mail is written for another; nothing here waits for a single connection.
"""

from collections.abc import Callable, Sequence
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector, SelectorKey
from time import monotonic
from typing import Protocol

from delivery.smtp.connection import Connection
from delivery.smtp.conversation import Parcel
from delivery.smtp.outcome import NotAttempted, Outcome, Phase
from delivery.smtp.session import Session
from delivery.smtp.wire import SLICE, Lost

# Seconds between two looks at whether a server is silent for too long.
LOOK_EVERY = 0.1


class Post(Protocol):
    """Who gives the mails and is told what became of each."""

    def draw(self) -> Parcel | None:
        """The next mail; None when there is none, or no time for one."""

    def prepare(self) -> bool:
        """No server has anything to say: time to write mails that are drawn later. False when none is to be."""

    def end(self, parcel: Parcel, outcome: Outcome) -> None:
        """What became of a mail."""

    def note(self, begun: Sequence[Parcel]) -> bool:
        """Write down what ended since the last call and what begins now. False: the bodies may not leave."""

    def waiting(self) -> None:
        """Called about once a second as long as anything is under way."""


class Exchange:
    """All that is said from the first mail that is drawn until the last one under way has ended."""

    def __init__(self, connections: Sequence[Connection], post: Post) -> None:
        self._post = post
        self._connections = {session: each for each in connections if (session := each.session) is not None}
        self._selector = DefaultSelector()
        self._stuffed: set[Session] = set()
        self._news = False
        self._waited = self._looked = monotonic()

    def run(self) -> None:
        """Hand over until nothing is left to draw, or no connection is."""
        try:
            for session in self._connections:
                session.blocks(False)
                self._selector.register(session.socket, EVENT_READ, session)
            self._announce(list(self._connections))
            while any(session.is_busy for session in self._connections):
                self._turn()
            if self._news:
                self._post.note([])
        finally:
            self._selector.close()
            self._leave()

    def _leave(self) -> None:
        """Nothing of this exchange may be left over for the next one: not even after an error of ours."""
        for session, connection in self._connections.items():
            if session.is_busy:
                connection.drop()
            else:
                session.blocks(True)

    def _turn(self) -> None:
        touched: list[Session] = []
        for key, events in self._ready():
            session: Session = key.data
            if self._go_on(session, self._serve, session, events):
                touched.append(session)
        self._deliver(touched)
        self._announce(touched)
        if (now := monotonic()) >= self._looked + LOOK_EVERY:
            self._look_at_the_clock(now)

    def _ready(self) -> list[tuple[SelectorKey, int]]:
        """Which servers said something or have room for more; as long as none does, the next mails are written."""
        found = self._selector.select(0)
        while not found and self._post.prepare():
            found = self._selector.select(0)
        return found or self._selector.select(LOOK_EVERY)

    def _serve(self, session: Session, events: int) -> None:
        if events & EVENT_WRITE:
            session.flush()
        if events & EVENT_READ:
            self._listen(session)

    def _listen(self, session: Session) -> None:
        for reply in session.arrived():
            heard = session.conversation.hear(reply)
            if heard.ended is not None:
                self._end(*heard.ended)
            if heard.over:
                raise Lost("the connection was given up")
            if heard.say:
                session.say(heard.say)

    def _deliver(self, touched: Sequence[Session]) -> None:
        """Send the bodies that servers wait for, after noting them; the next envelope rides along where it may."""
        due = [session for session in touched if session.conversation.may_deliver]
        if not due and not self._news:
            return
        noted = self._post.note([parcel for session in due for parcel in session.conversation.announced])
        self._news = False
        for session in due:
            if noted:
                self._send_body(session)
            else:
                self._take_back(session)

    def _send_body(self, session: Session) -> None:
        body = session.conversation.deliver()
        # In one write with the next envelope, so that a mail costs one round trip.
        envelope = self._envelope(session) if session.conversation.may_announce else b""
        self._go_on(session, session.say_body, body, envelope)

    def _announce(self, sessions: Sequence[Session]) -> None:
        for session in sessions:
            if session not in self._connections:
                continue
            if session.conversation.may_announce and (said := self._envelope(session)):
                self._go_on(session, session.say, said)

    def _envelope(self, session: Session) -> bytes:
        while (parcel := self._post.draw()) is not None:
            wrong = session.conversation.unfit(parcel.mail)
            if wrong is None:
                return session.conversation.announce(parcel)
            self._end(parcel, wrong)
        return b""

    def _go_on(self, session: Session, act: Callable[..., object], *about: object) -> bool:
        """Do this with the connection; when it fails, go on with the others and answer False."""
        try:
            act(*about)
        except Lost as error:
            self._lose(session, str(error))
            return False
        if session.has_unsaid != (session in self._stuffed):
            self._watch(session)
        return True

    def _watch(self, session: Session) -> None:
        """Be told when the server reads on, as long as bytes wait for it."""
        self._stuffed ^= {session}
        events = EVENT_READ | EVENT_WRITE if session in self._stuffed else EVENT_READ
        self._selector.modify(session.socket, events, session)

    def _take_back(self, session: Session) -> None:
        # The server waits for a body: only closing the connection says clearly that none will come.
        parcel = session.conversation.take_back()
        self._end(parcel, NotAttempted(Phase.DATA, None, "taken back before the body"))
        self._lose(session, "")

    def _lose(self, session: Session, why: str) -> None:
        self._selector.unregister(session.socket)
        self._connections.pop(session).drop()
        for parcel, outcome in session.lost(why):
            self._end(parcel, outcome)

    def _end(self, parcel: Parcel, outcome: Outcome) -> None:
        self._news = True
        self._post.end(parcel, outcome)

    def _look_at_the_clock(self, now: float) -> None:
        self._looked = now
        for session in list(self._connections):
            if session.is_busy and now >= session.deadline:
                self._lose(session, "the server did not answer in time")
        if now - self._waited >= SLICE:
            self._waited = now
            self._post.waiting()
