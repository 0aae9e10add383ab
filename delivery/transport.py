"""Connections of this process to mail servers, kept while they work and left alone while they do not."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import chain
from time import monotonic

import structlog

from core.settings import settings
from delivery.recipients import Matter
from delivery.smtp import Connection, NotAttempted, Outcome, Timeouts, server_at

log = structlog.get_logger()

FIRST_REST = 1.0
LONGEST_REST = 60.0
# How long each step of a greeting may take where another connection is open already.
MORE_SECONDS = 2.0


def url_for(matter: Matter) -> str:
    """Where the mails of this run go: the operator's override, else the sender's server, else the embedded inbox."""
    return settings().smtp_url or matter.transport_url or settings().transport_url


class Transports:
    """Opens a connection for a sender, and remembers whose server did not answer."""

    def __init__(self, *, timeouts: Timeouts | None = None) -> None:
        self.timeouts = timeouts
        self._connections: dict[str, list[Connection]] = {}
        self._enough: dict[str, float] = {}
        self._rests: dict[int, tuple[float, float]] = {}

    def connect(self, matter: Matter, *, mails: int) -> Sequence[Connection] | Outcome:
        """Connections that are open, at most one for each mail, or what stood in the way of the first.

        Raises WrongInput when the URL cannot be used.
        """
        url = url_for(matter)
        server = server_at(url)
        kept = self._connections.setdefault(url, [])
        kept.sort(key=lambda each: not each.is_open)
        if not kept:
            kept.append(Connection(server, timeouts=self.timeouts))
        refusal = None if kept[0].is_open else kept[0].open()
        if refusal is None:
            self._rests.pop(matter.sender_id, None)
            self._open_more(url, kept, most=min(server.connections, mails))
            return [each for each in kept if each.is_open]
        self._rest(matter.sender_id)
        log.warning("server_away", server=str(server), phase=refusal.phase, text=refusal.text)
        return NotAttempted(refusal.phase, refusal.code, f"{refusal.phase} {server}: {refusal.text}")

    def _open_more(self, url: str, kept: list[Connection], *, most: int) -> None:
        """Open further connections; a server that takes no more is asked again only after a while."""
        while len(kept) < most:
            kept.append(Connection(kept[0].server, timeouts=self.timeouts))
        for each in kept[:most]:
            if each.is_open or self._enough.get(url, 0.0) > monotonic():
                continue
            if each.open(at_most=MORE_SECONDS) is not None:
                self._enough[url] = monotonic() + LONGEST_REST

    def _rest(self, sender_id: int) -> None:
        _, length = self._rests.get(sender_id, (0.0, FIRST_REST / 2))
        length = min(length * 2, LONGEST_REST)
        self._rests[sender_id] = (monotonic() + length, length)

    @property
    def away(self) -> frozenset[int]:
        """Senders whose server is not asked just now."""
        return frozenset(sender for sender, (until, _) in self._rests.items() if until > monotonic())

    @property
    def doubtful(self) -> frozenset[int]:
        """Senders whose server did not answer lately: one message is enough to find out whether it does again."""
        return frozenset(self._rests)

    def rest(self, sender_id: int) -> timedelta:
        """How long the server of this sender is left alone."""
        _, length = self._rests.get(sender_id, (0.0, 0.0))
        return timedelta(seconds=length)

    def close(self) -> None:
        """Say goodbye to all servers."""
        for connection in chain.from_iterable(self._connections.values()):
            connection.close()
        self._connections.clear()
