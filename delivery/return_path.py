"""Addresses and ids that name one message and cannot be made up: the return path (VERP) and the Message-ID."""

import hmac
import re
from base64 import b32encode

from core.keys import keys, mac

SEAL_BYTES = 10

_BOUNCE = re.compile(r"b\+(\d{1,19})\.([a-z2-7]{16})")


def return_path(*, message_id: int, domain: str) -> str:
    """Where bounces of this message go. Lower case only: some servers change the case of what they send back."""
    return f"b+{message_id}.{_seal(b'bounce', message_id)}@{domain}"


def message_of(address: str) -> int | None:
    """The message whose return path this is, or None when we did not make it."""
    found = _BOUNCE.fullmatch(address.rpartition("@")[0].lower())
    if found is None:
        return None
    message_id = int(found.group(1))
    return message_id if hmac.compare_digest(found.group(2), _seal(b"bounce", message_id)) else None


def mail_id(*, message_id: int, domain: str) -> str:
    """The Message-ID: the same at every attempt, so that receivers and logs recognise a repetition (RFC 5322 3.6.4)."""
    return f"<{message_id}.{_seal(b'message', message_id)}@{domain}>"


def _seal(kind: bytes, message_id: int) -> str:
    seal = mac(keys().verp, kind + b"\0" + message_id.to_bytes(8, "big"))
    return b32encode(seal[:SEAL_BYTES]).decode().lower()
