"""How many mails a second one process of this machine can sign with RSA-2048."""

from dataclasses import dataclass
from time import perf_counter

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from delivery.dkim import SMALLEST_RSA
from delivery.multi_buffer import LANES, Lanes, lanes_of

_DIGEST = bytes(32)


@dataclass(frozen=True)
class SigningSpeed:
    """Signatures a second, both ways; `eight_at_once` is None where the library or the processor is missing."""

    one_by_one: int
    eight_at_once: int | None


def signing_speed(*, seconds: float) -> SigningSpeed:
    """Sign with a key of its own for so long in each way."""
    key = generate_private_key(public_exponent=65537, key_size=SMALLEST_RSA)
    lanes = lanes_of(key)
    return SigningSpeed(
        one_by_one=_one_by_one(key, seconds), eight_at_once=_eight_at_once(lanes, seconds) if lanes else None
    )


def _one_by_one(key: RSAPrivateKey, seconds: float) -> int:
    made, began = 0, perf_counter()
    while (spent := perf_counter() - began) < seconds:
        key.sign(_DIGEST, PKCS1v15(), SHA256())
        made += 1
    return round(made / spent)


def _eight_at_once(lanes: Lanes, seconds: float) -> int:
    made, began = 0, perf_counter()
    while (spent := perf_counter() - began) < seconds:
        made += len(lanes.sign([_DIGEST] * LANES))
    return round(made / spent)
