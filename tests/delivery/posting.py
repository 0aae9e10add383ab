"""Handing single mails over, without a ledger."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from delivery.smtp import Connection, Exchange, Mail, NotAttempted, Outcome, Parcel, Phase


@dataclass
class Table:
    """Mails that wait, and how each ended, by its number."""

    mails: list[Mail]
    may_leave: Callable[[], bool] = lambda: True
    waiting: Callable[[], None] = lambda: None
    prepare: Callable[[], bool] = lambda: False
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    noted: list[str] = field(default_factory=list)
    drawn: int = 0

    def draw(self) -> Parcel | None:
        """The next one."""
        if self.drawn == len(self.mails):
            return None
        self.drawn += 1
        return Parcel(self.drawn - 1, self.mails[self.drawn - 1])

    def end(self, parcel: Parcel, outcome: Outcome) -> None:
        """Remember how it ended; once."""
        assert parcel.number not in self.outcomes
        self.outcomes[parcel.number] = outcome

    def note(self, begun: Sequence[Parcel]) -> bool:
        """Remember what was noted before its body left."""
        self.noted += [f"begun {parcel.number}" for parcel in begun]
        return self.may_leave()


def send(connection: Connection, mail: Mail, *, still_ours: Callable[[], bool] = lambda: True) -> Outcome:
    """Hand one mail over."""
    table = Table([mail], may_leave=still_ours, waiting=connection.waiting)
    if connection.is_open:
        Exchange([connection], table).run()
    return table.outcomes.get(0) or NotAttempted(Phase.CONNECT, None, "not connected")
