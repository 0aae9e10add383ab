"""When failures that may pass add up to an address that does not work: counted, and forgotten after a success. Pure.

One full mailbox or one bad day of a server says nothing. What counts is that mail of several campaigns failed over
weeks and that nothing arrived between. Several failures of one day count once, as list servers do it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Failure:
    """One mail that did not arrive, for a reason that may pass."""

    at: datetime
    run_id: int


@dataclass(frozen=True)
class Patience:
    """So many failures, of as many runs, at least so far apart; older ones than `within` are forgotten."""

    failures: int
    apart: timedelta
    within: timedelta


def is_spent(failures: Sequence[Failure], *, patience: Patience, now: datetime, last_success: datetime | None) -> bool:
    """Whether the address is to be given up."""
    begin = now - patience.within
    counted = [one for one in failures if one.at >= begin and (last_success is None or one.at > last_success)]
    if not counted:
        return False
    days = {one.at.date() for one in counted}
    runs = {one.run_id for one in counted}
    moments = [one.at for one in counted]
    return min(len(days), len(runs)) >= patience.failures and max(moments) - min(moments) >= patience.apart
