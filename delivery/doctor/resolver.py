"""Asking the DNS: all names of a round at once, each with a time limit, and one limit for the whole look."""

import ipaddress
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from time import monotonic

import dns.exception
import dns.name
import dns.rdata
import dns.rdtypes.ANY.TXT
import dns.resolver

from core.errors import WrongInput
from core.sentences import say
from core.settings import settings
from delivery.doctor.answers import ABSENT, Answer, Question, State
from delivery.doctor.policy_file import POLICY_FILE, fetch_policy

SECONDS = 4.0
WHOLE_SECONDS = 20.0
AT_ONCE = 16
# Without fragments on any line that is in use (DNS flag day 2020); longer answers come over TCP.
PAYLOAD = 1232
MOST_RECORDS = 100
PORT = 53

# Nobody answers for these (RFC 6761), so nobody is bothered unless a resolver was named.
RESERVED = frozenset({"example", "invalid", "localhost", "test"})


class Resolver:
    """A resolver for one look, which may take `WHOLE_SECONDS` in all. Raises WrongInput at an address that is none."""

    def __init__(self, address: str | None = None, *, seconds: float = SECONDS, whole: float = WHOLE_SECONDS) -> None:
        self.address = address or settings().resolver
        if self.address is not None:
            place(self.address)
        self.seconds = seconds
        self.until = monotonic() + whole

    def __call__(self, questions: set[Question]) -> dict[Question, Answer]:
        """Answer each of these."""
        try:
            ask = _asking(self.address)
        except dns.exception.DNSException:
            return dict.fromkeys(questions, Answer(State.NOT_ANSWERED, why=say("this machine has no resolver")))
        ordered = sorted(questions)
        with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(ordered) or 1)) as pool:
            return dict(zip(ordered, pool.map(lambda question: self._one(ask, question), ordered), strict=True))

    def _one(self, resolver: dns.resolver.Resolver, question: Question) -> Answer:
        name, kind = question
        left = self.until - monotonic()
        if self.address is None and name.rpartition(".")[2] in RESERVED:
            return Answer(State.NOT_ANSWERED, why=say("the name is reserved for examples"))
        if left <= 0:
            return Answer(State.NOT_ANSWERED, why=say("no time was left"))
        try:
            ask = _policy if kind == POLICY_FILE else _asked
            return ask(resolver, name, kind, seconds=min(self.seconds, left))
        except (dns.resolver.NXDOMAIN, *_NO_NAMES):
            return ABSENT
        except dns.exception.Timeout:
            return Answer(State.NOT_ANSWERED, why=say("no answer in time"))
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            return Answer(State.NOT_ANSWERED, why=say("no usable answer (%(kind)s)", kind=type(error).__name__))


# Texts that can be no name at all, so nothing stands there.
_NO_NAMES = (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape)


def _asked(resolver: dns.resolver.Resolver, name: str, kind: str, *, seconds: float) -> Answer:
    found = resolver.resolve(dns.name.from_text(name), kind, lifetime=seconds, raise_on_no_answer=False, search=False)
    records = tuple(_AS_TEXT.get(kind, str)(one) for one in list(found.rrset or ())[:MOST_RECORDS])
    return Answer(State.FOUND, records) if records else ABSENT


def _policy(resolver: dns.resolver.Resolver, host: str, _kind: str, *, seconds: float) -> Answer:
    """What stands on the web server of that name, at the addresses that the same resolver knows."""
    asked = [_asked(resolver, host, kind, seconds=seconds) for kind in ("A", "AAAA")]
    addresses = [record for answer in asked for record in answer.records]
    return fetch_policy(host, addresses=addresses, seconds=seconds) if addresses else ABSENT


def _txt(record: dns.rdtypes.ANY.TXT.TXT) -> str:
    """The strings of a TXT record, put together without blanks (RFC 7208, 3.3)."""
    return b"".join(record.strings).decode("utf-8", "replace")


def _mx(record: dns.rdata.Rdata) -> str:
    preference, host = str(record).split(" ", 1)
    return f"{preference} {host}"


_AS_TEXT: dict[str, Callable[..., str]] = {"TXT": _txt, "MX": _mx}


@cache
def _asking(address: str | None) -> dns.resolver.Resolver:
    """The resolver of dnspython: that of the system unless another one was named. Raises DNSException without any."""
    resolver = dns.resolver.Resolver(configure=address is None)
    if address is not None:
        host, port = place(address)
        resolver.nameservers, resolver.port = [host], port
    resolver.use_edns(0, 0, PAYLOAD)
    resolver.timeout = SECONDS / 2
    return resolver


def place(address: str) -> tuple[str, int]:
    """Host and port of `192.0.2.1`, `192.0.2.1:53`, `2001:db8::1` or `[2001:db8::1]:53`. Raises WrongInput."""
    host, _, port = address.rpartition(":") if address.count(":") == 1 or "]:" in address else (address, "", "")
    try:
        found = str(ipaddress.ip_address(host.strip("[]")))
        number = int(port or PORT)
    except ValueError:
        number, found = 0, ""
    if not 0 < number < 1 << 16:
        raise WrongInput(
            "resolver_address",
            say("%(address)s is no address of a resolver.", address=repr(address[:60])),
            say("Set CRUSOE_RESOLVER to an address like 192.0.2.53 or 192.0.2.53:5353."),
        )
    return found, number
