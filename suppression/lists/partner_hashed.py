"""A partner's list of addresses hashed without a secret, or of domains: what senders in the US exchange under CAN-SPAM.

One digest in hexadecimal in each line; its length tells MD5, SHA-1, SHA-256 or SHA-512. What cannot be seen is whether
the partner lower-cased and trimmed before hashing. So the importer must name a canary, an address that is known to be
on the list: some rule has to find it, or the list does not get into force.
"""

import re
from collections.abc import Callable, Iterator
from hashlib import new
from pathlib import Path
from typing import IO

from core.sentences import say
from suppression.lists.adapter import (
    Candidate,
    Contents,
    EntryKind,
    Hashing,
    ListSpec,
    Options,
    Reading,
    broken,
    wrong_option,
)
from suppression.lists.at_ecg_file import spellings
from suppression.lists.sealed import sealed
from suppression.lists.text import blocks, entries, lines, peek, without_blank_end

ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}

# What partners do to an address before they hash it. The careful one comes first.
RULES: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "as written": str,
    "upper": str.upper,
    "lower, with line feed": lambda address: f"{address.lower()}\n",
    "lower, with carriage return": lambda address: f"{address.lower()}\r\n",
    "lower, with blank": lambda address: f"{address.lower()} ",
}
DOMAINS = ("exact", "subdomains_only", "domain_and_subdomains")
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_HEX = re.compile(r"[0-9a-fA-F]+")


def open_file(path: Path, options: Options) -> Contents:
    """Refuse what is neither digests of one length nor, when `domains` says so, domains."""
    if "domains" in options:
        return _domains(path, options["domains"])
    first = peek(path, encoding="utf-8-sig").text.strip()
    algorithm = ALGORITHMS.get(len(first)) if _HEX.fullmatch(first) else None
    if algorithm is None:
        raise broken(path, 1, say("A line is no digest in hexadecimal of 32, 40, 64 or 128 characters."))
    canary = options.get("canary", "").strip()
    if "@" not in canary:
        raise wrong_option(
            "canary",
            say("An address is needed that is known to be on the list."),
            say("Ask the partner for one and give it with --set canary=ADDRESS."),
        )
    size = len(first)

    def read(name: Path, file: IO[bytes]) -> Iterator[bytes]:
        for number, text in without_blank_end(name, lines(name, file, encoding="utf-8-sig")):
            written = text.strip()
            if len(written) != size or not _HEX.fullmatch(written):
                raise broken(name, number, say("A line is no digest of the same kind as the first."))
            yield sealed(algorithm, bytes.fromhex(written))

    return Contents(
        blocks=blocks(entries(path, read)),
        reading={"algorithm": algorithm},
        canary={rule: _digest(algorithm, change(canary)) for rule, change in RULES.items()},
    )


def _domains(path: Path, pattern: str) -> Contents:
    if pattern not in DOMAINS:
        raise wrong_option(
            "domains",
            say("%(value)s is no kind of pattern.", value=repr(pattern)),
            say("There are: %(known)s.", known=", ".join(DOMAINS)),
        )

    def read(name: Path, file: IO[bytes]) -> Iterator[bytes]:
        for number, text in without_blank_end(name, lines(name, file, encoding="utf-8-sig")):
            written = text.strip().lower()
            # `@d` and `.d` mean different things to different senders, which is why the kind is said, not guessed.
            if not _DOMAIN.fullmatch(written):
                raise broken(name, number, say("A line is no domain."))
            if pattern != "subdomains_only":
                yield sealed("domain", written)
            if pattern != "exact":
                yield sealed("below", written)

    return Contents(blocks=blocks(entries(path, read)), reading={"domains": pattern})


def _digest(algorithm: str, words: str) -> bytes:
    return sealed(algorithm, new(algorithm, words.encode(), usedforsecurity=False).digest())


def named(candidate: Candidate, reading: Reading) -> tuple[bytes, ...]:
    """The entries that would name an address: by the rule of the canary and, besides, lower-cased and as it is."""
    algorithm = reading.get("algorithm")
    if candidate.channel != "email" or algorithm is None:
        return ()
    rules = {RULES["lower"], RULES["as written"], RULES[reading.get("rule", "lower")]}
    local, _, domain = candidate.value.strip().rpartition("@")
    written = {candidate.value.strip(), *(f"{local}@{spelling}" for spelling in spellings(domain))}
    return tuple(sorted({_digest(algorithm, change(address)) for change in rules for address in written}))


def domain_named(domain: str, reading: Reading) -> tuple[bytes, ...]:
    """The entries that would name a domain: itself, or one above it that includes what is below."""
    if "domains" not in reading:
        return ()
    found = []
    for spelling in spellings(domain):
        labels = spelling.split(".")
        found.append(sealed("domain", spelling))
        found += [sealed("below", ".".join(labels[start:])) for start in range(1, len(labels) - 1)]
    return tuple(found)


SPEC = ListSpec(
    id="partner.hashed",
    operator="a partner",
    title="Addresses or domains of a partner",
    country="",
    channels=("email",),
    kinds=(EntryKind.ADDRESS, EntryKind.DOMAIN),
    hashing=Hashing("md5, sha1, sha256 or sha512", "hex"),
    normaliser="the rule that finds the canary; lower-cased and as written besides",
    match_rule="the address; or the domain by the kind of pattern that was said",
    max_age_days=10,
    legal_basis="CAN-SPAM, 15 U.S.C. 7704(a)(4); agreements with partners",
    defeats=("existing_customer", "legitimate_interest"),
    named=named,
    domain_named=domain_named,
    read=open_file,
    options={
        "canary": "an address that is known to be on the list",
        "domains": "for a file of domains: exact, subdomains_only or domain_and_subdomains",
    },
)
