"""What a worker needs of a way out, and the routes between which a sender can choose. No network in here.

`SmtpWay` is the fast one: connections that are open already, and the exchange over them. A provider asked over HTTP is
`delivery.providers.HttpWay`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from delivery.pace.limits import Limit
from delivery.smtp import Connection, Exchange, Post

RECONNECT = 2.0


@dataclass(frozen=True)
class Route:
    """A transport as a sender has it. `id` is absent for the one server that a sender or the installation names.

    `sealed` is the secret as it stands in the database, so that a changed one makes another route.
    """

    kind: str
    url: str
    id: int | None = None
    code: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    sealed: bytes | None = field(default=None, repr=False)
    position: int = field(default=0, compare=False)
    weight: int = field(default=1, compare=False)
    was_away: bool = field(default=False, compare=False)
    limit: Limit | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Away:
    """Why a way takes no mail just now, in words, and for how many seconds at least it wants to be left alone."""

    said: str
    seconds: float = 0


class Way(Protocol):
    """An open way out for one batch."""

    @property
    def away(self) -> Away | None:
        """Why nothing more goes out this way; None as long as something may."""

    def is_ready(self) -> bool:
        """Whether mail can be handed over now; may open a connection again, quickly."""

    def run(self, post: Post) -> None:
        """Hand over until nothing is left to draw, or nothing more goes out."""


@dataclass(frozen=True)
class SmtpWay:
    """Open connections to a mail server. One that gets lost is found out about before the next batch."""

    connections: Sequence[Connection]
    away: Away | None = None

    def is_ready(self) -> bool:
        """Whether a connection is open, or one can be opened again."""
        first = self.connections[0]
        return any(each.is_open for each in self.connections) or first.open(at_most=RECONNECT) is None

    def run(self, post: Post) -> None:
        """Hand over through all of them at once."""
        Exchange(self.connections, post).run()
        for each in self.connections:
            each.renew(at_most=RECONNECT)

    def __str__(self) -> str:
        return str(self.connections[0].server)


def in_turn(routes: Sequence[Route]) -> list[Route]:
    """The routes in the order in which a batch tries them: by position, and by chance among equals, by weight."""
    # Drawing by weight without putting back: the largest u^(1/w) first (Efraimidis and Spirakis, 2006).
    drawn = {route: random.random() ** (1 / route.weight) for route in routes}
    return sorted(routes, key=lambda route: (route.position, -drawn[route]))
