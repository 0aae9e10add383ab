"""The secrets of an installation, and the keyed hashes and tokens made with them.

One random root per purpose is drawn at first start into `CRUSOE_HOME/keys.json`, readable by its owner only.
They never stand in the database: who steals a dump learns no address from the suppression list.
"""

import hmac
import json
import os
import secrets
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

from core.errors import NotAllowed
from core.sentences import say
from core.settings import Mode, settings

PURPOSES = ("session", "address", "token", "verp", "webhook", "signing")
KEY_BYTES = 32
MAC_BYTES = 16
# Of 32 random bytes far more differ from each other; in 000…0 or in "changeme…" fewer do.
LEAST_VARIETY = 12


@dataclass(frozen=True)
class Keys:
    """One key per purpose, so that a leak of one does not open the others. `key_id` names the generation."""

    key_id: int
    session: bytes
    address: bytes
    token: bytes
    verp: bytes
    webhook: bytes
    signing: bytes


@cache
def keys() -> Keys:
    """The keys of this installation; drawn at first use in development, required in production."""
    path = settings().home / "keys.json"
    if not path.exists():
        if settings().mode is Mode.PRODUCTION:
            raise NotAllowed(
                "keys_missing",
                say("There is no key file at %(path)s.", path=path),
                say("Restore it from your backup, or make a new one with `crusoe keys new` before the first start."),
            )
        draw(path=path)
    return _read(path)


def draw(*, path: Path) -> None:
    """Write a new key file; an existing one is never replaced, because every stored hash depends on it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"key_id": 1} | {purpose: secrets.token_hex(KEY_BYTES) for purpose in PURPOSES}
    unfinished = path.with_name(f".keys-{os.getpid()}-{secrets.token_hex(4)}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A hard link fails when another process was first; then its keys are the keys.
        os.link(unfinished, path)
    except FileExistsError:
        pass
    finally:
        unfinished.unlink()


def _read(path: Path) -> Keys:
    if path.stat().st_mode & 0o077:
        raise NotAllowed(
            "keys_exposed", say("Others can read %(path)s.", path=path), say("Run: chmod 600 %(path)s", path=path)
        )
    content = json.loads(path.read_text())
    # A key file from before there was anything to sign has no key for it; this one is as secret and always the same.
    content.setdefault("signing", blake2b(b"signing", key=bytes.fromhex(content["address"])[:64]).hexdigest()[:64])
    values = {purpose: bytes.fromhex(content[purpose]) for purpose in PURPOSES}
    if any(len(value) < KEY_BYTES or len(set(value)) < LEAST_VARIETY for value in values.values()):
        raise NotAllowed(
            "keys_weak",
            say(
                "A key in %(path)s has less than %(bytes)s bytes, or was typed instead of drawn.",
                path=path,
                bytes=KEY_BYTES,
            ),
            say("Restore the key file; for a new installation, remove it and run `crusoe keys new`."),
        )
    if len(set(values.values())) < len(values):
        raise NotAllowed(
            "keys_repeated", say("Two keys in %(path)s are the same.", path=path), say("Restore the key file.")
        )
    return Keys(key_id=content["key_id"], **values)


def address_key(normalised: str) -> bytes:
    """HMAC-SHA-256 of a normalised address or `@domain`: what stands for it everywhere outside `contacts`."""
    inner, outer = _prepared(keys().address)
    inner, outer = inner.copy(), outer.copy()
    inner.update(normalised.encode())
    outer.update(inner.digest())
    digest: bytes = outer.digest()
    return digest


@cache
def _prepared(key: bytes) -> tuple[Any, Any]:
    """The two halves of HMAC (RFC 2104) with the key taken in: a third of the time when a million are made."""
    block = key.ljust(64, b"\0") if len(key) <= 64 else sha256(key).digest().ljust(64, b"\0")  # noqa: PLR2004
    return sha256(bytes(byte ^ 0x36 for byte in block)), sha256(bytes(byte ^ 0x5C for byte in block))


def mac(purpose_key: bytes, payload: bytes) -> bytes:
    """Keyed BLAKE2b, 128 bits: short enough for a link, and half a microsecond."""
    seal = keyed(purpose_key).copy()
    seal.update(payload)
    digest: bytes = seal.digest()
    return digest


@cache
def keyed(purpose_key: bytes) -> Any:
    """BLAKE2b with the key taken in, to be copied for every seal: a third of the time of a seal is the key."""
    return blake2b(key=purpose_key, digest_size=MAC_BYTES)


def verified(purpose_key: bytes, signed: bytes) -> bytes | None:
    """The payload of `payload + mac`, or None when the seal is not ours. Compared in constant time."""
    payload, seal = signed[:-MAC_BYTES], signed[-MAC_BYTES:]
    return payload if payload and hmac.compare_digest(seal, mac(purpose_key, payload)) else None


def fingerprint(secret: str) -> bytes:
    """SHA-256 of a random token. Only this is stored; the token itself is in the mail or with the caller."""
    return sha256(secret.encode()).digest()
