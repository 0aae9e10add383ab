"""The mails of a batch that have not left yet: the next ones are written while servers read those before them."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from core.db import transaction
from delivery.compose import Draft
from delivery.letters import finish, write
from delivery.lost_leases import count_not_begun
from delivery.multi_buffer import LANES
from delivery.recipients import Matter, Recipient
from delivery.smtp import Mail

# So many mails lie ready at most: about two megabytes.
AHEAD = 64
# So many are written in a row, and never fewer as long as there are more: they are signed at once where that is
# possible, and mails that leave one by one, between two signatures, wake the server for each.
TOGETHER = LANES


@dataclass
class Outgoing:
    """What is left of a batch to hand over, in its order; the first of it may be written already.

    `fault` is what went wrong while a mail was written: those before it still leave, those behind it do not.
    """

    matter: Matter
    recipients: Mapping[int, Recipient]
    bases: Mapping[int, str]
    at: datetime
    fault: Exception | None = None
    _left: deque[int] = field(init=False)
    _written: deque[Mail | str] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._left = deque(self.bases)

    def __bool__(self) -> bool:
        return bool(self._left)

    def take(self) -> tuple[int, Mail | str] | None:
        """The next message with its mail, or with the reason why there can be none; None when nothing is left."""
        if not self._written:
            self.write_ahead()
        return (self._left.popleft(), self._written.popleft()) if self._written else None

    def write_ahead(self) -> bool:
        """Write a few mails more; False when there is no room for as many, or all are written."""
        written = len(self._written)
        if written + TOGETHER > AHEAD:
            return False
        few = list(islice(self._left, written, written + TOGETHER))
        drafts: list[Draft | str] = []
        try:
            for message_id in few:
                drafts.append(self._write(message_id))  # noqa: PERF401 - those before a fault count
        except Exception as error:  # noqa: BLE001 - whatever it is, mails under way must end as what they became
            self._stop_behind(written + len(drafts), error)
        try:
            self._written.extend(finish(drafts))
        except Exception as error:  # noqa: BLE001
            self._stop_behind(written, error)
        return bool(few)

    def _write(self, message_id: int) -> Draft | str:
        return write(self.matter, self.recipients[message_id], basis=self.bases[message_id], at=self.at)

    def _stop_behind(self, written: int, error: Exception) -> None:
        with transaction() as session:
            count_not_begun(session, [self._left[written]])
        self._left = deque(islice(self._left, written))
        self.fault = error

    def give_up(self) -> None:
        """Nothing that is left begins."""
        self._left.clear()
        self._written.clear()
