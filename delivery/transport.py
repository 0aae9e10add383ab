"""Connections of this process to mail servers, kept while they work and left alone while they do not."""

from datetime import timedelta
from time import monotonic

import structlog

from core.settings import settings
from delivery.recipients import Matter
from delivery.smtp import Connection, NotAttempted, Outcome, Timeouts, server_at

log = structlog.get_logger()

FIRST_REST = 1.0
LONGEST_REST = 60.0


def url_for(matter: Matter) -> str:
    """Where the mails of this run go: the operator's override, else the sender's server, else the embedded inbox."""
    return settings().smtp_url or matter.transport_url or settings().transport_url


class Transports:
    """Opens a connection for a sender, and remembers whose server did not answer."""

    def __init__(self, *, timeouts: Timeouts | None = None) -> None:
        self.timeouts = timeouts
        self._connections: dict[str, Connection] = {}
        self._rests: dict[int, tuple[float, float]] = {}

    def connect(self, matter: Matter) -> Connection | Outcome:
        """A connection that is open, or what stood in the way. Raises WrongInput when the URL cannot be used."""
        url = url_for(matter)
        connection = self._connections.get(url)
        if connection is None:
            connection = self._connections[url] = Connection(server_at(url), timeouts=self.timeouts)
        refusal = None if connection.is_open else connection.open()
        if refusal is None:
            self._rests.pop(matter.sender_id, None)
            return connection
        self._rest(matter.sender_id)
        log.warning("server_away", server=str(connection.server), phase=refusal.phase, text=refusal.text)
        return NotAttempted(refusal.phase, refusal.code, f"{refusal.phase} {connection.server}: {refusal.text}")

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
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
