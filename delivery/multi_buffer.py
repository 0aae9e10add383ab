"""Signing eight mails at once with RSA-2048, where the machine can: a signature costs a third of the time then.

The multi-buffer library of Intel's Cryptography Primitives (Apache 2.0, `libcrypto_mb`; Debian packages it from 13 on,
Ubuntu from 24.04 on) works on eight numbers in the lanes of one register. It needs a processor with AVX-512 IFMA.
Without the one or the other mails are signed one by one, with the same bytes: PKCS #1 v1.5 knows only one signature of
a digest.
"""

import ctypes
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import product

import structlog
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from core.settings import settings

LANES = 8
# Fewer are quicker one by one.
FEWEST = 3

# Interfaces of the library, the newest first; in the environment of the program, and where the system keeps its own.
_FILES = ("libcrypto_mb.so.12", "libcrypto_mb.so.11")
_FOLDERS = (f"{sys.prefix}/lib/", "")
_RSA2K = 1
_BITS, _BYTES, _EXPONENT = 2048, 256, 65537

# RFC 8017 section 9.2: what an RSA-2048 signature over a SHA-256 digest is made of, up to the digest.
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_PADDED = b"\0\1" + b"\xff" * (_BYTES - 3 - len(_DIGEST_INFO) - 32) + b"\0" + _DIGEST_INFO

_Pointers = ctypes.c_void_p * LANES
_log = structlog.get_logger()


class Lanes:
    """A key, laid out for all lanes."""

    def __init__(self, library: ctypes.CDLL, key: RSAPrivateKey) -> None:
        numbers = key.private_numbers()
        self._library = library
        self._private = library.mbx_RSA2K_private_crt_Method()
        self._public = library.mbx_RSA2K_pub65537_Method()
        secrets = (numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
        # Pointers do not keep alive what they point to.
        self._words = [_words(number, _BYTES // 2) for number in secrets]
        self._words.append(_words(numbers.public_numbers.n, _BYTES))
        *self._secrets, self._modulus = [_Pointers(*[ctypes.addressof(one)] * LANES) for one in self._words]

    def sign(self, digests: Sequence[bytes]) -> list[bytes]:
        """The signatures of SHA-256 digests, in their order. Raises RuntimeError when one does not fit its digest."""
        return [
            signature
            for begin in range(0, len(digests), LANES)
            for signature in self._sign_eight(digests[begin : begin + LANES])
        ]

    def _sign_eight(self, digests: Sequence[bytes]) -> list[bytes]:
        filled = [*digests, *[digests[0]] * (LANES - len(digests))]
        padded = b"".join([_PADDED + digest for digest in filled])
        given, signed, opened = (ctypes.create_string_buffer(padded, LANES * _BYTES) for _ in range(3))
        into = _each_lane(signed)
        failed = self._library.mbx_rsa_private_crt_mb8(
            _each_lane(given), into, *self._secrets, _BITS, self._private, None
        )
        # A slip of the processor in one half of the key's work would give the key away to whoever sees the signature.
        failed |= self._library.mbx_rsa_public_mb8(into, _each_lane(opened), self._modulus, _BITS, self._public, None)
        if failed or opened.raw != padded:
            raise RuntimeError("a signature does not fit what was signed")
        made = signed.raw
        return [made[n * _BYTES : (n + 1) * _BYTES] for n in range(len(digests))]


def _words(number: int, size: int) -> "ctypes.Array[ctypes.c_char]":
    return ctypes.create_string_buffer(number.to_bytes(size, "little"), size)


def _each_lane(buffer: "ctypes.Array[ctypes.c_char]") -> "ctypes.Array[ctypes.c_void_p]":
    begin = ctypes.addressof(buffer)
    return _Pointers(*range(begin, begin + LANES * _BYTES, _BYTES))


def lanes_of(key: RSAPrivateKey) -> Lanes | None:
    """The key for eight mails at once; None where this machine or this key cannot.

    A new key signs one digest in both ways first: a library that makes anything else of it is not used.
    """
    library = _library() if settings().multi_buffer else None
    if library is None or key.key_size != _BITS or key.public_key().public_numbers().e != _EXPONENT:
        return None
    lanes, digest = Lanes(library, key), bytes(range(32))
    try:
        (signature,) = lanes.sign([digest])
    except RuntimeError:
        signature = b""
    if signature == key.sign(digest, PKCS1v15(), Prehashed(SHA256())):
        return lanes
    _log.warning("multi_buffer_wrong", hint="libcrypto_mb signs wrongly here; mails are signed one by one")
    return None


def is_possible() -> bool:
    """Whether this machine signs eight mails at once."""
    return settings().multi_buffer and _library() is not None


@cache
def _library() -> ctypes.CDLL | None:
    for folder, file in product(_FOLDERS, _FILES):
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(folder + file)
            _declare(library)
            if library.mbx_get_algo_info(_RSA2K) & LANES:
                return library
    return None


def _declare(library: ctypes.CDLL) -> None:
    library.mbx_get_algo_info.restype = ctypes.c_uint64
    for method in (library.mbx_RSA2K_private_crt_Method, library.mbx_RSA2K_pub65537_Method):
        method.restype = ctypes.c_void_p
    key_method_buffer = (ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    library.mbx_rsa_private_crt_mb8.argtypes = (*[_Pointers] * 7, *key_method_buffer)
    library.mbx_rsa_public_mb8.argtypes = (*[_Pointers] * 3, *key_method_buffer)
    for work in (library.mbx_rsa_private_crt_mb8, library.mbx_rsa_public_mb8):
        work.restype = ctypes.c_uint32
