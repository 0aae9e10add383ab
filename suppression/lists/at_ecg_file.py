"""The Austrian ECG list (§ 7(2) ECG, kept by RTR) in its file format.

The file is nothing but SHA-1 digests of 20 bytes, unsorted, without header or separator. An entry is the digest of a
lower-cased address with its dots kept, or of `@` and a lower-cased domain, which stands for every mailbox at exactly
that domain. The web service of the same list hashes other strings: it needs an adapter of its own.
"""

import struct
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from hashlib import sha1
from pathlib import Path
from typing import BinaryIO

from contacts import email_address
from core.errors import WrongInput
from core.sentences import Count, say
from suppression.lists.adapter import ListSpec, unreadable

DIGEST = 20
BLOCK = DIGEST * 50_000


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


def check(path: Path) -> int:
    """Refuse what cannot be an ECG file; answers the number of records."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    if not size:
        raise WrongInput(
            "list_empty", say("The file is empty."), say("Fetch it again; the list in force stays."), str(path)
        )
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
    return size // DIGEST


def read(file: BinaryIO) -> Iterator[list[bytes]]:
    """The digests, in blocks."""
    while block := file.read(BLOCK):
        if len(block) % DIGEST:
            raise WrongInput("list_changed", say("The file changed while it was read."), say("Import it again."))
        yield [digest for (digest,) in struct.iter_unpack(f"{DIGEST}s", block)]


SPEC = ListSpec(
    id="at.ecg.file",
    operator="RTR",
    title="ECG list (file)",
    country="AT",
    channels=("email",),
    digest_size=DIGEST,
    max_age_days=30,
    address_digests=address_digests,
    domain_digests=domain_digests,
    check=check,
    read=read,
)
