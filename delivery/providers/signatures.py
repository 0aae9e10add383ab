"""Whether a call comes from the provider: the schemes that several of them share. Pure, and compared in equal time.

What is replayed within the window is found by the ids that are kept, so the window may be as long as providers try to
deliver a call again: a day.
"""

import binascii
import hmac
from base64 import b64decode
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from core.sentences import say
from delivery.providers.protocol import Account, Call, Forged

WINDOW = timedelta(hours=25)
AHEAD = timedelta(minutes=10)


def require(condition: bool) -> None:
    """Raise Forged unless the signature was found right."""
    if not condition:
        raise Forged(
            "hook_forged", say("The signature of this call is wrong."), say("Check the secret of the webhook.")
        )


def require_fresh(moment: datetime, *, now: datetime) -> None:
    """Raise Forged when a signed time is too far from now."""
    if not is_fresh(moment, now=now):
        raise Forged("hook_old", say("This call is too old, or its clock is wrong."))


def is_fresh(moment: datetime, *, now: datetime) -> bool:
    """Whether a time lies within the window."""
    return now - WINDOW <= moment <= now + AHEAD


def seconds(text: object) -> datetime:
    """A time in seconds since 1970. Raises Forged when it is none."""
    try:
        return datetime.fromtimestamp(float(str(text)[:20]), tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise Forged("hook_unreadable", say("The time of this call cannot be read.")) from None


def iso(text: object) -> datetime:
    """A time in ISO 8601. Raises Forged when it is none."""
    try:
        moment = datetime.fromisoformat(str(text)[:40])
    except ValueError:
        raise Forged("hook_unreadable", say("The time of this call cannot be read.")) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def require_secret(account: Account, call: Call) -> None:
    """A secret that both sides know, as bearer token, or as `user:password` of basic authentication (RFC 7617)."""
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        given = decoded(given).decode("utf-8", "replace")
    require(bool(account.hook_secret) and hmac.compare_digest(given.strip().encode(), account.hook_secret.encode()))


def require_rsa(account: Account, signature: str, content: bytes, *, algorithm: hashes.HashAlgorithm) -> None:
    """An RSA signature (PKCS #1 v1.5) with the public key that is our hook secret."""
    key = public_key(account.hook_secret)
    if not isinstance(key, RSAPublicKey):
        raise _unreadable()
    try:
        key.verify(decoded(signature), content, PKCS1v15(), algorithm)
    except InvalidSignature:
        require(condition=False)


def require_ecdsa(account: Account, signature: str, content: bytes) -> None:
    """An ECDSA signature over SHA-256 with the public key that is our hook secret."""
    key = public_key(account.hook_secret)
    if not isinstance(key, EllipticCurvePublicKey):
        raise _unreadable()
    try:
        key.verify(decoded(signature), content, ECDSA(hashes.SHA256()))
    except InvalidSignature:
        require(condition=False)


def public_key(text: str) -> PublicKeyTypes:
    """A public key as providers print it: base64 of its DER form, as a record of DKIM, or as lines of PEM."""
    lines = [line.strip() for line in text.splitlines() if "-----" not in line]
    try:
        return load_der_public_key(decoded("".join(lines).rpartition("p=")[2].rstrip("; ")))
    except ValueError:
        raise _unreadable() from None


def _unreadable() -> Forged:
    return Forged("hook_key", say("The public key of this webhook cannot be read."), say("Store it again."))


def decoded(text: str) -> bytes:
    """Base64, or nothing."""
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
