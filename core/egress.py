"""Where a call to another system may go. Its name is resolved once, and every address must be a public one.

The address that was looked at is the one that is used. So neither a name that points into the house, nor one that
changes between the check and the call, reaches anything inside. `loopback` opens exactly 127.0.0.0/8 and ::1, for
trying things on one machine.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from core.errors import NotAllowed
from core.sentences import say

PORTS = {"https": 443, "http": 80}
# Addresses that wrap an IPv4 address; what counts is the one inside.
_NAT64 = ip_network("64:ff9b::/96")
# Local translation (RFC 8215): where it ends is nobody's business but the network's, so it is never public.
_LOCAL_NAT64 = ip_network("64:ff9b:1::/48")
_LOWEST_32 = 0xFFFFFFFF


@dataclass(frozen=True)
class Way:
    """How to reach a target: the address to connect to, and the name that its certificate must carry."""

    scheme: str
    host: str
    address: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The URL with the address in place of the name."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def host_header(self) -> str:
        """The name as the server expects it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"


def way_to(url: str, *, loopback: bool, known: Sequence[str] = ()) -> Way:
    """The way to a target, or NotAllowed with the reason. OSError when the name cannot be resolved now.

    `known`: its addresses, where somebody has looked them up already.
    """
    scheme, host, port, path = _parts(url, loopback=loopback)
    addresses = [ip_address(each) for each in known or _resolved(host, port)]
    for address in addresses:
        if not (is_public(address) or (loopback and _inside(address).is_loopback)):
            raise NotAllowed(
                "target_refused",
                say("%(host)s leads to %(address)s, which is no public address.", host=host, address=address),
            )
    return Way(scheme, host, str(addresses[0]), port, path)


def _resolved(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]).partition("%")[0] for entry in found]


def check(url: str, *, loopback: bool) -> None:
    """What can be said about a URL without asking anybody: scheme, port, no name and password inside."""
    _parts(url, loopback=loopback)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address belongs to the public internet, also when it hides in a longer one."""
    real = _inside(address)
    return real.is_global and not real.is_multicast and not real.is_reserved


def _inside(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv6Address):
        if address in _LOCAL_NAT64:
            return IPv6Address(0)
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address.sixtofour:
            return address.sixtofour
        if address in _NAT64:
            return IPv4Address(int(address) & _LOWEST_32)
    return address


def _parts(url: str, *, loopback: bool) -> tuple[str, str, int, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NotAllowed("target_refused", say("This is no URL that can be read.")) from error
    if any(ord(letter) <= ord(" ") or letter == "\\" for letter in url):
        raise NotAllowed("target_refused", say("A URL has no blanks, line breaks or backslashes."))
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise NotAllowed("target_refused", say("A target must be an https address."))
    if parts.username is not None or parts.password is not None:
        raise NotAllowed("target_refused", say("A target has no user name in its address."))
    if not parts.hostname:
        raise NotAllowed("target_refused", say("A target needs a host."))
    port = port or PORTS[parts.scheme]
    if port not in PORTS.values() and not loopback:
        raise NotAllowed("target_refused", say("A target must use port 443 or 80."))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname, port, path
