"""What operators of mailboxes expect of bulk senders, as numbers that can be watched. Pure.

Gmail and Yahoo: the share of mails that people call spam stays below 0.10 % and never reaches 0.30 % (Google, e-mail
sender guidelines; Yahoo, Sender Hub). From close to 5,000 mails a day to private accounts on, counted over the primary
domain, Google takes somebody for a bulk sender for good; Outlook.com asks for more from more than 5,000 a day on
(Microsoft, May 2025). Certified senders stay at 1 % of dead addresses at most (Certified Senders Alliance); at 2 % the
brake falls.
"""

from enum import StrEnum


class Status(StrEnum):
    """How a number stands."""

    # Too few mails to say anything.
    NONE = "none"
    OK = "ok"
    WARN = "warn"
    OVER = "over"


COMPLAINTS = (0.10, 0.30)
DEAD = (1.0, 2.0)
# Google counts what comes close.
BULK = (4_500, 5_000)
BULK_OPERATORS = frozenset({"gmail", "yahoo", "microsoft"})

# Of fewer mails a single complaint would be more than any threshold.
FEWEST = 200


def of_share(many: int, of: int, *, thresholds: tuple[float, float]) -> Status:
    """How a share in percent stands: from the first threshold on it warns, from the second on it is over."""
    if of < FEWEST:
        return Status.NONE
    share = many * 100 / of
    return _of(share, thresholds)


def of_volume(busiest: int, *, operator: str) -> Status:
    """Whether so many mails on one day make a bulk sender; with operators that say nothing about it, never."""
    return _of(busiest, BULK) if operator in BULK_OPERATORS else Status.NONE


def _of(value: float, thresholds: tuple[float, float]) -> Status:
    if value >= thresholds[1]:
        return Status.OVER
    return Status.WARN if value >= thresholds[0] else Status.OK


def worst(*found: Status) -> Status:
    """The one that people look at first."""
    order = list(Status)
    return max(found, key=order.index)


def primary_domain(domain: str) -> str:
    """The part of a domain that somebody registered, as far as its form tells: shop.example of news.shop.example."""
    parts = domain.lower().split(".")
    # Two letters at the end and a short word before them, as in shop.co.uk.
    short = len(parts) > 2 and len(parts[-1]) == 2 and parts[-2] in {"co", "com", "net", "org", "gv", "ac", "or", "ne"}  # noqa: PLR2004
    return ".".join(parts[-3:] if short else parts[-2:])
