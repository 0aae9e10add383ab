"""How often somebody may be asked to confirm. Pure: times in, answer out.

A public form is a way to flood a stranger's mailbox. So one mailbox gets one mail a day and three in thirty days, over
all forms together, however its address is spelled; and neither one place nor one form asks many in an hour.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, ip_address, ip_network

# How long a link can be used, and how long it is known who never used it.
LIFETIME = timedelta(days=7)
FORGOTTEN_AFTER = timedelta(days=14)
BETWEEN_MAILS = timedelta(hours=24)
PERIOD = timedelta(days=30)
MOST_IN_PERIOD = 3
MOST_PER_IP_AND_HOUR = 20
# A form that suddenly asks so many strangers is being misused; it takes breath until the hour is over.
MOST_PER_FORM_AND_HOUR = 2_000

# Whoever has one address of a network like this has all of them (RFC 6177).
IPV6_NETWORK = 64

# Faster than anybody can read the words and type an address; slower than a page is left open over night.
FASTEST = timedelta(seconds=3)
SLOWEST = timedelta(hours=24)


def may_ask_again(earlier: Sequence[datetime], *, now: datetime) -> bool:
    """Whether one more mail may go to a mailbox that was asked at these times."""
    recent = [moment for moment in earlier if now - moment < PERIOD]
    return len(recent) < MOST_IN_PERIOD and all(now - moment >= BETWEEN_MAILS for moment in recent)


def place(ip: str | None) -> str | None:
    """What stands for the place that a request comes from: an IPv4 address, or the network around an IPv6 one.

    >>> place("2001:db8:1:2:3:4:5:6")
    '2001:db8:1:2::/64'
    """
    try:
        known = ip_address(ip or "")
    except ValueError:
        return ip
    if isinstance(known, IPv4Address) or known.ipv4_mapped:
        return str(known if isinstance(known, IPv4Address) else known.ipv4_mapped)
    return str(ip_network((known, IPV6_NETWORK), strict=False))


def mailbox(key: str) -> str:
    """What stands for all spellings of one mailbox: without what follows a plus, and without dots.

    Used for counting only: where a provider tells a.nn@ from ann@, the worst that happens is one mail less.

    >>> mailbox("a.nn+news@mail.example")
    'ann@mail.example'
    """
    local, _, domain = key.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"
