"""The signature of this installation: Ed25519 (RFC 8032), with a key that never leaves the key file.

It is put under anchors of the evidence and under bundles that leave the house. Whoever has the public key can check
them without us; whoever has only the database can make none.
"""

from functools import cache
from typing import Any

from core.keys import keys


def sign(content: bytes) -> bytes:
    """The signature over these bytes, 64 bytes."""
    signature: bytes = _private(keys().signing).sign(content)
    return signature


def public_key() -> bytes:
    """The public half of the key of this installation, 32 bytes."""
    public: bytes = _private(keys().signing).public_key().public_bytes_raw()
    return public


def is_signed(content: bytes, signature: bytes) -> bool:
    """Whether this installation signed these bytes."""
    # Imported late: most commands sign nothing, and OpenSSL takes a moment to load.
    from cryptography.exceptions import InvalidSignature

    try:
        _private(keys().signing).public_key().verify(signature, content)
    except InvalidSignature:
        return False
    return True


@cache
def _private(seed: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)
