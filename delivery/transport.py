"""Ways out of this process: connections that are kept while they work, and left alone while they do not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from time import monotonic

import structlog
from sqlalchemy.orm import Session

from core.errors import CrusoeError
from core.settings import settings
from delivery.providers.known import SMTP
from delivery.providers.routes import http_way, routes_of, secret_of
from delivery.providers.way import HttpWay
from delivery.recipients import Matter
from delivery.smtp import Connection, NotAttempted, Outcome, Phase, Server, Timeouts, server_at
from delivery.ways import Away, Route, SmtpWay, Way, in_turn

log = structlog.get_logger()

FIRST_REST = 1.0
LONGEST_REST = 60.0
# How long each step of a greeting may take where another connection is open already.
MORE_SECONDS = 2.0
# How long a change of a sender's transports may wait before a worker sees it.
FRESH = 2.0


class Transports:
    """Opens a way for a sender, and remembers which ones did not work.

    The next way is tried only as long as nothing of a batch was begun. What ended in doubt stays so, whatever way it
    took: nothing in here gives a mail a second time.
    """

    def __init__(self, *, timeouts: Timeouts | None = None) -> None:
        self.timeouts = timeouts
        # What became of transports since somebody asked last: why they went away, or None for those that came back.
        self.news: dict[int, tuple[Away, timedelta] | None] = {}
        self._connections: dict[Route, list[Connection]] = {}
        self._providers: dict[Route, HttpWay] = {}
        self._enough: dict[Route, float] = {}
        self._rests: dict[Route, tuple[float, float]] = {}
        self._used_up: dict[Route, float] = {}
        self._routes: dict[int, tuple[Route, ...]] = {}
        self._taken: dict[int, Route] = {}
        self._read: dict[int, tuple[float, tuple[Route, ...]]] = {}

    def learn(self, session: Session, matter: Matter) -> None:
        """Where mails of this run may go: the operator's override, else the sender's transports, else its server."""
        override = settings().smtp_url
        routes = () if override else self._stored(session, matter.sender_id)
        alone = Route(SMTP, override or matter.transport_url or settings().transport_url)
        self._routes[matter.sender_id] = routes or (alone,)

    def _stored(self, session: Session, sender_id: int) -> tuple[Route, ...]:
        """The transports of a sender, read anew after a while: not for each of many small batches."""
        known = self._read.get(sender_id)
        if known is None or monotonic() - known[0] > FRESH:
            known = self._read[sender_id] = (monotonic(), routes_of(session, sender_id=sender_id))
        return known[1]

    def connect(self, matter: Matter, *, mails: int) -> Way | Outcome:
        """A way that is open, or what stood in the way of the last one that was tried. After `learn`."""
        refusal: Outcome = NotAttempted(Phase.CONNECT, None, "all transports rest")
        for route in in_turn(self._routes[matter.sender_id]):
            if self._until(route) > monotonic():
                continue
            found = self._open(route, mails)
            if not isinstance(found, Outcome):
                self._taken[matter.sender_id] = route
                return found
            refusal = found
            self._rest(route, Away(found.text))
        return refusal

    def taken(self, matter: Matter) -> Route | None:
        """The route that was opened last for this sender."""
        return self._taken.get(matter.sender_id)

    def use_up(self, route: Route, *, seconds: float) -> None:
        """Leave a route alone until its limit lets mail through again. It is not away, so nobody is told."""
        self._used_up[route] = monotonic() + min(seconds, LONGEST_REST)

    @property
    def kept_back(self) -> float:
        """In how many seconds the first of the used up ones lets mail through again; 0 when there is none."""
        now = monotonic()
        return min((until - now for until in self._used_up.values() if until > now), default=0.0)

    def judge(self, matter: Matter, way: Way) -> Outcome | None:
        """What a batch showed about its way; the refusal when no other way is left to this sender."""
        route = self._taken[matter.sender_id]
        if way.away is None:
            self._rests.pop(route, None)
            if route.id is not None and route.was_away:
                self.news[route.id] = None
            return None
        self._rest(route, way.away)
        if matter.sender_id in self.away:
            return NotAttempted(Phase.CONNECT, None, way.away.said)
        return None

    def take_news(self) -> dict[int, tuple[Away, timedelta] | None]:
        """What became of transports since the last call."""
        news, self.news = self.news, {}
        return news

    def _open(self, route: Route, mails: int) -> Way | Outcome:
        try:
            return self._smtp(route, mails) if route.kind == SMTP else self._provider(route)
        except CrusoeError as error:
            return NotAttempted(Phase.CONNECT, None, str(error))

    def _provider(self, route: Route) -> HttpWay:
        if route not in self._providers:
            self._providers[route] = http_way(route)
        self._providers[route].begin()
        return self._providers[route]

    def _smtp(self, route: Route, mails: int) -> SmtpWay | Outcome:
        server = _server(route)
        kept = self._connections.setdefault(route, [])
        kept.sort(key=lambda each: not each.is_open)
        if not kept:
            kept.append(Connection(server, timeouts=self.timeouts))
        refusal = None if kept[0].is_open else kept[0].open()
        if refusal is None:
            self._rests.pop(route, None)
            self._open_more(route, kept, most=min(server.connections, mails))
            return SmtpWay([each for each in kept if each.is_open])
        log.warning("server_away", server=str(server), phase=refusal.phase, text=refusal.text)
        return NotAttempted(refusal.phase, refusal.code, f"{refusal.phase} {server}: {refusal.text}")

    def _open_more(self, route: Route, kept: list[Connection], *, most: int) -> None:
        """Open further connections; a server that takes no more is asked again only after a while."""
        while len(kept) < most:
            kept.append(Connection(kept[0].server, timeouts=self.timeouts))
        for each in kept[:most]:
            if each.is_open or self._enough.get(route, 0.0) > monotonic():
                continue
            if each.open(at_most=MORE_SECONDS) is not None:
                self._enough[route] = monotonic() + LONGEST_REST

    def _rest(self, route: Route, away: Away) -> None:
        _, length = self._rests.get(route, (0.0, FIRST_REST / 2))
        length = max(min(length * 2, LONGEST_REST), away.seconds)
        self._rests[route] = (monotonic() + length, length)
        # What is written down about it changes with that.
        self._read.clear()
        if route.id is not None:
            self.news[route.id] = (away, timedelta(seconds=length))

    @property
    def away(self) -> frozenset[int]:
        """Senders none of whose ways is tried just now."""
        now = monotonic()
        return self._of_all(lambda route: self._until(route) > now)

    def _until(self, route: Route) -> float:
        return max(self._rests.get(route, (0.0, 0.0))[0], self._used_up.get(route, 0.0))

    @property
    def doubtful(self) -> frozenset[int]:
        """Senders none of whose ways worked lately: one message is enough to find out whether one does again."""
        return self._of_all(lambda route: route in self._rests)

    def _of_all(self, is_so: Callable[[Route], bool]) -> frozenset[int]:
        return frozenset(sender for sender, routes in self._routes.items() if all(map(is_so, routes)))

    def rest(self, sender_id: int) -> timedelta:
        """How long it is until a way of this sender is tried again."""
        now = monotonic()
        left = [self._until(route) - now for route in self._routes.get(sender_id, ())]
        return timedelta(seconds=max(0.0, min(left, default=0.0)))

    def close(self) -> None:
        """Say goodbye to all servers."""
        for connection in chain.from_iterable(self._connections.values()):
            connection.close()
        for way in self._providers.values():
            way.close()
        self._connections.clear()
        self._providers.clear()


def _server(route: Route) -> Server:
    server = server_at(route.url)
    return replace(server, password=secret_of(route)) if route.sealed else server
