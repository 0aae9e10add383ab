"""Waiting until nothing is on its way to an address: what an opt-out does before it answers."""

import threading
import time
from collections.abc import Collection, Sequence

from sqlalchemy import text

from core.db import bigints, transaction
from core.together import Together

# A batch begins nothing after its first second; what takes longer than this is a server that thinks.
LONGEST = 2.0
PAUSE = 0.05
# So many wait at a time in one process. It has more threads: those who come then must find one.
PLACES = 32
_places = threading.BoundedSemaphore(PLACES)

_BUSY = "SELECT address_id FROM message WHERE address_id = ANY (CAST(:ids AS bigint[])) AND state = 'handing_over'"


def still_busy(address_ids: Collection[int]) -> set[int]:
    """The addresses to which a message is being handed over now. Opens its own transaction."""
    with transaction() as session:
        return set(session.scalars(text(_BUSY), {"ids": bigints(address_ids)}))


def _which_are_busy(address_ids: Sequence[int]) -> list[bool]:
    busy = still_busy(set(address_ids))
    return [each in busy for each in address_ids]


_is_busy: Together[int, bool] = Together(_which_are_busy)


def wait_until_quiet(address_id: int, *, seconds: float | None = None) -> bool:
    """Wait until no message to this address is being handed over; False when one still is after `seconds`, or two.

    Call it after the transaction that stored the objection, never inside one. From then on the gate lets nothing pass,
    so an answer given afterwards is the truth: no mail begins later than it. When many wait already nobody else does.
    """
    until = time.monotonic() + (LONGEST if seconds is None else seconds)
    if not _places.acquire(blocking=False):
        return not _is_busy(address_id)
    try:
        while _is_busy(address_id):
            if time.monotonic() >= until:
                return False
            time.sleep(PAUSE)
    finally:
        _places.release()
    return True
