"""What stands for an entry that its operator hands out in clear, or hashed without a secret.

Telephone numbers and names can be guessed back from plain digests, and so can hashed addresses. They are data of people
who have nothing to do with us, so what is stored is made with the key of this installation, which is in no database.
"""

from hashlib import blake2b

from core.keys import MAC_BYTES, keys

SIZE = MAC_BYTES


def sealed(kind: str, value: str | bytes) -> bytes:
    """The stored form of an entry. `kind` keeps a number of one sort from ever meaning one of another."""
    payload = value if isinstance(value, bytes) else value.encode()
    return blake2b(kind.encode() + b"\0" + payload, key=keys().address, digest_size=SIZE, person=b"list").digest()
