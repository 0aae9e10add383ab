"""Mail that is on its way when objections are stored: who answers such a thing waits for it first.

The stage that sends stands above this one, so it cannot be asked from here: it says how to ask when it is imported.
"""

from collections.abc import Callable

Departures = Callable[[], int]

_asked: list[Departures] = []


def departures(ask: Departures) -> Departures:
    """Register who knows what is being handed over; it waits for its end and answers how much is still under way."""
    _asked.append(ask)
    return ask


def wait_for_departures() -> int:
    """Wait, ten seconds at most, until nothing is on its way to anybody who is entered; how many mails still are.

    Call it after the transaction that stored the entries, never inside one. From its commit on nothing new begins, so
    an answer of 0 means that no mail to any of them begins later.
    """
    if not _asked:
        raise AssertionError("unreachable: whoever answers objections imports the stage that sends")
    return sum(ask() for ask in _asked)
