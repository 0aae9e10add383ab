"""The Austrian ECG list (§ 7(2) ECG, kept by RTR) in its file format.

The file is nothing but SHA-1 digests of 20 bytes, unsorted, without header or separator. An entry is the digest of a
lower-cased address with its dots kept, or of `@` and a lower-cased domain, which stands for every mailbox at exactly
that domain. The web service of the same list hashes other strings: it needs an adapter of its own.
"""

import struct
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import sha1
from itertools import islice
from pathlib import Path

from contacts import email_address
from core.errors import WrongInput
from core.sentences import Count, say
from suppression.lists.adapter import (
    Candidate,
    Contents,
    EntryKind,
    Hashing,
    ListSpec,
    Options,
    Reading,
    broken,
    empty,
    unreadable,
)

DIGEST = 20
BLOCK = DIGEST * 50_000

ZEROS = bytes(6)
TEXT = frozenset(b"\t\r\n" + bytes(range(32, 127)))

# Records of a shifted file that are compared with the version in force, for each way it may be shifted.
SAMPLE = 500


@lru_cache(maxsize=10_000)
def spellings(domain: str) -> tuple[str, ...]:
    """The domain as it may stand on the list: with A-labels, and as people write it."""
    domain = unicodedata.normalize("NFC", domain).lower().rstrip(".")
    found = {domain}
    # What is no domain by the rules for addresses has the one spelling in which somebody wrote it.
    with suppress(WrongInput):
        judged = email_address(f"info@{domain}")
        found |= {judged.domain, judged.value.rpartition("@")[2].lower()}
    return tuple(sorted(found))


def address_digests(address: str) -> tuple[bytes, ...]:
    """The entries that would name this very address."""
    local, _, domain = unicodedata.normalize("NFC", address).lower().rpartition("@")
    return tuple(_sha1(f"{local}@{spelling}") for spelling in spellings(domain))


def domain_digests(domain: str) -> tuple[bytes, ...]:
    """The entries that would name this domain."""
    return tuple(_sha1(f"@{spelling}") for spelling in spellings(domain))


def _sha1(words: str) -> bytes:
    return sha1(words.encode(), usedforsecurity=False).digest()


def open_file(path: Path, _options: Options) -> Contents:
    """Refuse what cannot be an ECG file; the rest is digests."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    if not size:
        raise empty(path)
    if size % DIGEST:
        raise WrongInput(
            "list_broken",
            say(
                "The file has %(size)s bytes, which is no multiple of %(record)s: it was cut off or "
                "changed on its way.",
                size=Count(size),
                record=DIGEST,
            ),
            say("Fetch it again, in binary mode; the list in force stays."),
            str(path),
        )
    return Contents(blocks=_blocks(path))


def _blocks(path: Path) -> Iterator[list[bytes]]:
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                # Digests look like chance; so many zeros in a row, or nothing but text, never come about by it.
                if ZEROS in block or TEXT.issuperset(block[:1000]):
                    raise broken(path, 0, say("It holds something else than digests."))
                yield [digest for (digest,) in struct.iter_unpack(f"{DIGEST}s", block)]
    except OSError as error:
        raise unreadable(path, error) from error


def shifted(path: Path) -> Sequence[bytes]:
    """Records as they are read from another byte on.

    A file that lost bytes at one place and gained some at another has a size that fits, and rubbish in it. Read this
    way it shows records of the version in force, which by chance does not happen.
    """
    with path.open("rb") as file:
        content = file.read(DIGEST * (SAMPLE + 1))
    windows = (content[start : start + DIGEST] for start in range(len(content) - DIGEST) if start % DIGEST)
    return list(islice(windows, SAMPLE * DIGEST))


def named(candidate: Candidate, _reading: Reading) -> tuple[bytes, ...]:
    """The entries that would name this endpoint itself."""
    return address_digests(candidate.value) if candidate.channel == "email" else ()


def domain_named(domain: str, _reading: Reading) -> tuple[bytes, ...]:
    """The entries that would name this domain."""
    return domain_digests(domain)


SPEC = ListSpec(
    id="at.ecg.file",
    operator="RTR",
    title="ECG list (file)",
    country="AT",
    channels=("email",),
    kinds=(EntryKind.ADDRESS, EntryKind.DOMAIN),
    hashing=Hashing("sha1", "binary"),
    normaliser="lower-cased, dots kept; domains as @domain, in both spellings of an international one",
    match_rule="the address, or exactly its domain",
    max_age_days=30,
    legal_basis="§ 7(2) ECG; § 174(4) TKG 2021",
    defeats=("existing_customer", "legitimate_interest"),
    # Digests that the operator publishes, of no use to anybody else; kept so that two versions can be compared.
    keep_superseded=True,
    digest_size=DIGEST,
    named=named,
    domain_named=domain_named,
    read=open_file,
    forbidden=shifted,
)
