"""Calls of Amazon SNS: who signed them, and what is inside.

The certificate is fetched from Amazon only: a name under amazonaws.com, over https, and nothing else (so nobody can
send us elsewhere). A subscription is never confirmed by us: the address for it is shown to the operator. Source:
docs.aws.amazon.com/sns, "Verifying the signatures of Amazon SNS messages".
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate, load_pem_x509_certificate

from core.errors import NotReachable
from core.sentences import say
from delivery.providers.protocol import Call, Forged
from delivery.providers.signatures import decoded, iso, require, require_fresh

_HOST = re.compile(r"sns\.[a-z]{2,6}(?:-[a-z]{1,12}){1,3}-\d{1,2}\.amazonaws\.com(?:\.cn)?")
_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {"1": hashes.SHA1, "2": hashes.SHA256}
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
SECONDS = 5.0
LARGEST = 16 * 1024

Fetch = Callable[[str], bytes]


def fetched(url: str) -> bytes:
    """The certificate at this address, which was checked to be Amazon's."""
    import httpx2

    try:
        answer = httpx2.get(url, timeout=SECONDS, follow_redirects=False, trust_env=False)
    except (httpx2.HTTPError, OSError) as error:
        raise NotReachable("sns_certificate", say("The certificate of Amazon SNS cannot be fetched.")) from error
    if answer.status_code != 200 or len(answer.content) > LARGEST:  # noqa: PLR2004 - HTTP
        raise NotReachable("sns_certificate", say("The certificate of Amazon SNS cannot be fetched."))
    return bytes(answer.content)


def opened(call: Call, *, topic: str, fetch: Fetch = fetched) -> Mapping[str, Any]:
    """The message of a call. Raises Forged unless Amazon signed it for this topic, lately."""
    message = call.mapping
    names = _SIGNED.get(str(message.get("Type")))
    require(names is not None and message.get("TopicArn") == topic)
    moment = iso(message.get("Timestamp"))
    _require_signature(message, names or (), fetch=fetch, now=call.now)
    require_fresh(moment, now=call.now)
    return message


def _require_signature(message: Mapping[str, Any], names: tuple[str, ...], *, fetch: Fetch, now: datetime) -> None:
    said = "".join(f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None)
    algorithm = _HASHES.get(str(message.get("SignatureVersion")))
    key = _key(str(message.get("SigningCertURL")), fetch=fetch, now=now)
    require(algorithm is not None)
    try:
        key.verify(decoded(str(message.get("Signature"))), said.encode(), PKCS1v15(), algorithm())  # type: ignore[misc]
    except InvalidSignature:
        require(condition=False)


def _key(url: str, *, fetch: Fetch, now: datetime) -> RSAPublicKey:
    parts = urlsplit(url)
    theirs = parts.scheme == "https" and _HOST.fullmatch(parts.netloc) and parts.path.endswith(".pem")
    require(bool(theirs) and not parts.query)
    certificate = _certificate(url, fetch)
    key = certificate.public_key()
    require(certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc)
    if not isinstance(key, RSAPublicKey):
        raise Forged("hook_forged", say("The signature of this call is wrong."))
    return key


@lru_cache(maxsize=16)
def _certificate(url: str, fetch: Fetch) -> Certificate:
    try:
        return load_pem_x509_certificate(fetch(url))
    except ValueError:
        raise Forged("hook_forged", say("The signature of this call is wrong.")) from None
