"""Reading an SPF record and its macros (RFC 7208, sections 4.6, 7 and 12)."""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from core.sentences import Sentence, say

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST_NAME = 253

_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(.*)")
_MECHANISM = re.compile(r"([-+~?]?)([A-Za-z][A-Za-z0-9]*)(?::(.+))?")
_CIDR = re.compile(r"(.*?)(?:/(\d{1,2}))?(?://(\d{1,3}))?")
_MACRO = re.compile(r"%(?:\{([A-Za-z])(\d{0,3})(r?)([-.+,/_=]*)\}|([%_-])|(.?))", re.IGNORECASE | re.DOTALL)

NEEDS_DOMAIN = frozenset({"include", "exists"})
TAKES_CIDR = frozenset({"a", "mx"})
KNOWN = NEEDS_DOMAIN | TAKES_CIDR | {"all", "ptr", "ip4", "ip6"}
# These make a receiver ask the DNS; ten of them are allowed.
ASKS = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})


class PermError(Exception):
    """The record cannot be evaluated: receivers answer `permerror`. `code` is the finding that says so."""

    def __init__(self, why: Sentence, *, code: str = "spf_broken") -> None:
        super().__init__(str(why))
        self.why = why
        self.code = code


@dataclass(frozen=True)
class Term:
    """One mechanism."""

    qualifier: str
    name: str
    value: str = ""
    cidr4: int = 32
    cidr6: int = 128
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None


@dataclass(frozen=True)
class Policy:
    """A record that was read."""

    terms: tuple[Term, ...]
    redirect: str | None = None

    @property
    def ends(self) -> bool:
        """Whether it says what holds for everybody else."""
        return self.redirect is not None or any(term.name == "all" for term in self.terms)


@dataclass(frozen=True)
class Envelope:
    """Who sends: what macros stand for. `sender` is the address of the return path."""

    ip: IP
    sender: str
    helo: str


def is_spf(text: str) -> bool:
    """Whether a TXT record is one."""
    return text[:6].lower() == "v=spf1" and text[6:7] in {"", " "}


@lru_cache(maxsize=64)
def read(text: str) -> Policy:
    """Read a record. Raises PermError at anything that the grammar does not know, as receivers do."""
    terms: list[Term] = []
    once: dict[str, str] = {}
    for word in text[6:].split(" "):
        if not word:
            continue
        modifier = _MODIFIER.fullmatch(word)
        if modifier is None:
            terms.append(_mechanism(word))
        elif (name := modifier[1].lower()) in {"redirect", "exp"}:
            if name in once or not modifier[2]:
                raise _unreadable(word)
            once[name] = modifier[2]
    return Policy(tuple(terms), once.get("redirect"))


def _mechanism(word: str) -> Term:
    name, found = word, _MECHANISM.fullmatch(word.partition("/")[0] if ":" not in word else word)
    if found is None:
        raise _unreadable(word)
    qualifier, name, value = found[1] or "+", found[2].lower(), found[3] or ""
    if ":" not in word and "/" in word:
        value = word[word.index("/") :]
    if name not in KNOWN:
        raise _unreadable(word)
    if name in {"ip4", "ip6"}:
        return Term(qualifier, name, value, network=_network(name, value, word))
    cidr4, cidr6 = 32, 128
    if name in TAKES_CIDR:
        value, cidr4, cidr6 = _cidr(value, word)
    if bool(value) < (name in NEEDS_DOMAIN) or (name == "all" and value) or ("/" in value and "%" not in value):
        raise _unreadable(word)
    return Term(qualifier, name, value, cidr4, cidr6)


def _cidr(value: str, word: str) -> tuple[str, int, int]:
    found = _CIDR.fullmatch(value)
    if found is None:
        raise _unreadable(word)
    cidr4, cidr6 = int(found[2] or 32), int(found[3] or 128)
    if cidr4 > 32 or cidr6 > 128:  # noqa: PLR2004 - bits of an address
        raise _unreadable(word)
    return found[1], cidr4, cidr6


def _network(name: str, value: str, word: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        if name == "ip4":
            return ipaddress.IPv4Network(value, strict=False)
        return ipaddress.IPv6Network(value, strict=False)
    except ValueError as error:
        raise _unreadable(word) from error


def _unreadable(word: str) -> PermError:
    return PermError(say("Receivers cannot read %(word)s in it.", word=repr(word[:60])))


def expand(text: str, *, domain: str, envelope: Envelope) -> str:
    """A domain with its macros filled in (section 7); too long a name loses labels on its left."""

    def fill(found: re.Match[str]) -> str:
        letter, digits, backwards, delimiters, sign, _ = found.groups()
        if sign:
            return {"%": "%", "_": " ", "-": "%20"}[sign]
        if not letter or letter.lower() not in "slodipvh" or digits == "0":
            raise _unreadable(text)
        value = _value(letter.lower(), domain, envelope)
        if digits or backwards or delimiters:
            parts = re.split(f"[{re.escape(delimiters or '.')}]", value)
            parts = parts[::-1] if backwards else parts
            value = ".".join(parts[-int(digits) :] if digits else parts)
        return quote(value, safe="") if letter.isupper() else value

    name = _MACRO.sub(fill, text).rstrip(".")
    while len(name) > LONGEST_NAME:
        _, dot, name = name.partition(".")
        if not dot:
            raise _unreadable(text)
    return name


def _value(letter: str, domain: str, envelope: Envelope) -> str:
    local, _, sender_domain = envelope.sender.rpartition("@")
    is_v4 = envelope.ip.version == 4  # noqa: PLR2004 - of the protocol
    values = {
        "s": envelope.sender,
        "l": local or "postmaster",
        "o": sender_domain,
        "d": domain,
        "i": str(envelope.ip) if is_v4 else ".".join(envelope.ip.exploded.replace(":", "")),
        "v": "in-addr" if is_v4 else "ip6",
        "h": envelope.helo,
        # Section 7.3 calls it discouraged; `unknown` is what a failed look-up gives.
        "p": "unknown",
    }
    return values[letter]


def is_about_everybody(text: str) -> bool:
    """Whether a domain is the same for every sender: no macro in it depends on one."""
    return all((found[1] or "d").lower() in "dv" for found in _MACRO.finditer(text))
