"""Signing mail (RFC 6376, RFC 8463): relaxed/relaxed, with headers that are known while the mail is made.

A signature costs ten times as much as everything else about a mail, so nothing is parsed here. Keys stand sealed in
the database (`delivery.signing`), or in `CRUSOE_HOME/dkim/<selector>.pem`, readable by their owner only: RSA with 2048
bits or more, or Ed25519.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from core.errors import NotAllowed
from core.sentences import say
from core.settings import settings
from delivery.multi_buffer import FEWEST, Lanes, lanes_of

SMALLEST_RSA = 2048
_PADDING, _HASH = PKCS1v15(), hashes.SHA256()

# Named once more than they occur: a second one that somebody adds on the way breaks the signature.
OVERSIGNED = ("from", "to", "subject", "date", "message-id")

_SELECTOR = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,60}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Signer:
    """A key, and the name under which its public half stands in the DNS: `<selector>._domainkey.<domain>`."""

    domain: str
    selector: str
    key: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)

    def prepare(self, headers: Sequence[tuple[str, str]], digest: bytes) -> "Unsigned":
        """All of a signature that can be written without the key.

        `headers` hold folded values without their line end; `digest` is the SHA-256 of the body in its canonical form.
        """
        opening, relaxed = _openings(self.algorithm, self.domain, self.selector, tuple([name for name, _ in headers]))
        body = b64encode(digest).decode()
        signed = [f"{name.lower()}:{relaxed_value(value)}\r\n" for name, value in headers]
        signed.append(f"dkim-signature:{relaxed}{body}; b=")
        return Unsigned(self, f"DKIM-Signature: {opening}{body};\r\n b=", "".join(signed).encode())

    @cached_property
    def algorithm(self) -> str:
        """Its name in the header. Asked once: to tell the kind of a key costs as much as a dozen headers."""
        return "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, data: Sequence[bytes]) -> list[bytes]:
        """The signatures of several mails, in their order; with RSA eight at once where the machine can."""
        if self.algorithm == "rsa-sha256":
            if self._lanes and len(data) >= FEWEST:
                return self._lanes.sign([sha256(one).digest() for one in data])
            return [cast("RSAPrivateKey", self.key).sign(one, _PADDING, _HASH) for one in data]
        # RFC 8463 signs the hash of the data, not the data.
        return [cast("Ed25519PrivateKey", self.key).sign(sha256(one).digest()) for one in data]

    @cached_property
    def _lanes(self) -> Lanes | None:
        return lanes_of(cast("RSAPrivateKey", self.key))


class Unsigned(NamedTuple):
    """A signature that its key has not made yet: who makes it, the header up to it, and what it is made over."""

    signer: Signer
    header: str
    data: bytes


def sign_all(unsigned: Iterable[Unsigned]) -> list[str]:
    """The DKIM-Signature lines with their line ends, in the same order. The mails of one key are signed together."""
    waiting = list(unsigned)
    data: dict[Signer, list[bytes]] = {}
    for one in waiting:
        data.setdefault(one.signer, []).append(one.data)
    signatures = {signer: iter(signer.sign(of_one)) for signer, of_one in data.items()}
    return [f"{one.header}{_folded(next(signatures[one.signer]))}\r\n" for one in waiting]


def _folded(signature: bytes) -> str:
    text = b64encode(signature).decode()
    return "\r\n ".join([text[n : n + 72] for n in range(0, len(text), 72)])


@lru_cache(maxsize=64)
def _openings(algorithm: str, domain: str, selector: str, names: tuple[str, ...]) -> tuple[str, str]:
    """All up to the digest of the body: as it stands in the mail, and in the relaxed form that is signed."""
    opening = f"v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector};\r\n h={_listed(names)};\r\n bh="
    return opening, relaxed_value(opening)


def relaxed_value(value: str) -> str:
    """A header value on one line with single blanks (RFC 6376 section 3.4.2)."""
    return " ".join(value.split())


def _listed(headers: tuple[str, ...]) -> str:
    """The names of the signed headers over several lines; blanks around its colons mean nothing."""
    names = [name.lower() for name in headers]
    lines = [""]
    for name in [*names, *(name for name in OVERSIGNED if name in names)]:
        if len(lines[-1]) + len(name) > 70:  # noqa: PLR2004 - characters of a comfortable line
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n  ".join(lines).removesuffix(":")


def is_selector(text: str) -> bool:
    """Whether this can name a key: labels of a domain, and a file."""
    return bool(_SELECTOR.fullmatch(text)) and ".." not in text


def signer(*, domain: str, selector: str) -> Signer:
    """The signer of a sender. Raises NotAllowed when its key is missing, readable by others, or too weak."""
    return _load(settings().home / "dkim" / f"{selector}.pem", domain, selector)


@lru_cache(maxsize=64)
def _load(path: Path, domain: str, selector: str) -> Signer:
    if not is_selector(selector) or not path.is_file():
        raise NotAllowed(
            "dkim_key_missing",
            say("There is no signing key %(name)s in %(folder)s.", name=path.name, folder=path.parent),
            say("Put it there, or sign at the relay."),
        )
    if path.stat().st_mode & 0o077:
        raise NotAllowed(
            "dkim_key_exposed", say("Others can read %(path)s.", path=path), say("Run: chmod 600 %(path)s", path=path)
        )
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise NotAllowed(
            "dkim_key_unreadable", say("%(path)s holds no usable private key.", path=path), say("Replace it.")
        ) from error
    if isinstance(key, Ed25519PrivateKey) or (isinstance(key, RSAPrivateKey) and key.key_size >= SMALLEST_RSA):
        return Signer(domain=domain, selector=selector, key=key)
    raise NotAllowed(
        "dkim_key_weak",
        say("%(path)s is neither Ed25519 nor RSA with %(bits)s bits or more.", path=path, bits=SMALLEST_RSA),
        say("Draw a new key."),
    )
