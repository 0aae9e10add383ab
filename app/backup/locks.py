"""Who can open a backup: holders of a recipient's secret key, or of a passphrase.

Each file is encrypted with a key of its own, which is put into the file once for each lock: sealed for a public key
(X25519 with a fresh key of our own, then HKDF and AES-GCM), or under a passphrase (scrypt, then AES-GCM). So the
machine that makes backups every night needs no secret that opens them.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from core.errors import NotAllowed, WrongInput
from core.sentences import say

KEY_BYTES = 32
PUBLIC, SECRET = "crusoe-backup-public-", "crusoe-backup-secret-"
# 64 MB and a fifth of a second for each guess.
COST = 2**16
MOST_COST = 2**20
SHORTEST_PASSPHRASE = 12

Lock = dict[str, Any]


@dataclass(frozen=True)
class Openers:
    """What somebody has to open a backup with."""

    secrets: tuple[str, ...] = ()
    passphrase: str | None = None


def draw(path: Path) -> str:
    """Write a new secret key to a file that is not there yet; answers the public key that goes with it."""
    secret = X25519PrivateKey.generate()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise WrongInput(
            "file_exists",
            say("There is already a file %(path)s.", path=path),
            say("A key that is written over can never open its backups again; name another file."),
        ) from None
    with os.fdopen(handle, "w") as file:
        file.write(SECRET + secret.private_bytes_raw().hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return PUBLIC + secret.public_key().public_bytes_raw().hex()


def secret_of(path: Path) -> str:
    """The secret key in a file."""
    try:
        found = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongInput("key_unreadable", say("%(path)s cannot be read.", path=path), where="--key") from error
    _bytes(found, SECRET)
    return found


def locks(key: bytes, *, recipients: Sequence[str], passphrase: str | None) -> list[Lock]:
    """The key of a file, sealed once for each of them."""
    made = [_for_recipient(key, _bytes(one, PUBLIC)) for one in recipients]
    return made + ([_for_passphrase(key, passphrase)] if passphrase else [])


def opened(found: Sequence[Lock], openers: Openers) -> bytes:
    """The key of a file. Raises NotAllowed when nothing that was given opens any of its locks."""
    for lock in found:
        for wrap in _wraps(lock, openers):
            try:
                return AESGCM(wrap).decrypt(bytes(12), bytes.fromhex(lock["sealed"]), lock["kind"].encode())
            except InvalidTag:
                continue
    raise NotAllowed(
        "backup_locked",
        say("Nothing that was given opens this backup; it was locked for: %(locks)s.", locks=_said(found)),
        say("Name the file of its secret key with --key, or set CRUSOE_BACKUP_PASSPHRASE."),
    )


def _said(found: Sequence[Lock]) -> str:
    return ", ".join(PUBLIC + lock["public"] if lock["kind"] == "recipient" else "passphrase" for lock in found)


def _wraps(lock: Lock, openers: Openers) -> list[bytes]:
    if lock["kind"] == "passphrase" and openers.passphrase and lock["cost"] <= MOST_COST:
        return [_stretched(openers.passphrase, bytes.fromhex(lock["salt"]), lock["cost"])]
    if lock["kind"] == "recipient":
        ours = [X25519PrivateKey.from_private_bytes(_bytes(one, SECRET)) for one in openers.secrets]
        theirs = X25519PublicKey.from_public_bytes(bytes.fromhex(lock["once"]))
        return [_shared(one.exchange(theirs), lock["once"], one.public_key().public_bytes_raw().hex()) for one in ours]
    return []


def _for_recipient(key: bytes, public: bytes) -> Lock:
    once = X25519PrivateKey.generate()
    names = once.public_key().public_bytes_raw().hex(), public.hex()
    wrap = _shared(once.exchange(X25519PublicKey.from_public_bytes(public)), *names)
    return {"kind": "recipient", "public": names[1], "once": names[0], "sealed": _sealed(wrap, key, "recipient")}


def _for_passphrase(key: bytes, passphrase: str) -> Lock:
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise WrongInput(
            "passphrase_short",
            say("The passphrase has less than %(least)s characters.", least=SHORTEST_PASSPHRASE),
            say("Whoever finds the file can guess as long as they like; take several words."),
        )
    salt = os.urandom(16)
    wrap = _stretched(passphrase, salt, COST)
    return {"kind": "passphrase", "salt": salt.hex(), "cost": COST, "sealed": _sealed(wrap, key, "passphrase")}


def _sealed(wrap: bytes, key: bytes, kind: str) -> str:
    # Each wrapping key is used for this one message only, so its number may always be the first.
    return AESGCM(wrap).encrypt(bytes(12), key, kind.encode()).hex()


def _shared(secret: bytes, *names: str) -> bytes:
    salt = "".join(names).encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=b"crusoe backup lock").derive(secret)


def _stretched(passphrase: str, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=KEY_BYTES, n=cost, r=8, p=1).derive(passphrase.encode())


def _bytes(written: str, start: str) -> bytes:
    try:
        found = bytes.fromhex(written.removeprefix(start))
    except ValueError:
        found = b""
    if not written.startswith(start) or len(found) != KEY_BYTES:
        raise WrongInput(
            "backup_key_invalid",
            say("%(key)s is no key of a backup.", key=repr(written[:30])),
            say("One begins with %(start)s; `crusoe backup key FILE` draws a pair.", start=start),
        )
    return found
