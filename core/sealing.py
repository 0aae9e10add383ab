"""Secrets of other systems, kept so that a copy of the database opens nothing: AES-256-GCM, the key in the key file.

Each purpose has a key of its own, so bytes that were sealed for one cannot be opened as another.
"""

import os
from functools import cache
from hashlib import blake2b
from typing import Any

from core.errors import NotAllowed
from core.keys import keys
from core.sentences import say

NONCE_BYTES = 12


def seal(secret: str, *, purpose: str) -> bytes:
    """The secret as it may stand in the database."""
    nonce = os.urandom(NONCE_BYTES)
    sealed: bytes = nonce + _cipher(keys().webhook, purpose).encrypt(nonce, secret.encode(), purpose.encode())
    return sealed


def unseal(sealed: bytes, *, purpose: str) -> str:
    """The secret again. Raises NotAllowed when it was sealed with another key file, or changed."""
    from cryptography.exceptions import InvalidTag

    nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        opened: bytes = _cipher(keys().webhook, purpose).decrypt(nonce, rest, purpose.encode())
    except InvalidTag:
        raise NotAllowed(
            "secret_unreadable",
            say("A stored secret cannot be opened with the key file of this installation."),
            say("Restore the key file, or store the secret again with `crusoe apply`."),
        ) from None
    return opened.decode()


@cache
def _cipher(root: bytes, purpose: str) -> Any:
    # Imported late: most commands open no secret, and OpenSSL takes a moment to load.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(blake2b(purpose.encode(), key=root[:64], digest_size=32, person=b"secret").digest())
