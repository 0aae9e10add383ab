"""Shows that a form came from us, and when: a signed time in a hidden field. No cookie, no session."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from datetime import UTC, datetime
from hashlib import sha256

from core.keys import keys, mac, verified

_SHOWN = struct.Struct(">cQ8s")


def make(page: str, *, now: datetime) -> str:
    """The hidden value for a page shown now. `page` names which one, so that it fits no other."""
    payload = _SHOWN.pack(b"n", int(now.timestamp()), _short(page))
    return urlsafe_b64encode(payload + mac(keys().token, payload)).decode()


def shown_at(page: str, value: str) -> datetime | None:
    """When the page with this hidden value was shown, or None when the value is not ours."""
    try:
        payload = verified(keys().token, urlsafe_b64decode(value.encode("ascii")))
    except (Error, UnicodeEncodeError, ValueError):
        return None
    if payload is None or len(payload) != _SHOWN.size:
        return None
    kind, moment, name = _SHOWN.unpack(payload)
    return datetime.fromtimestamp(moment, UTC) if kind == b"n" and name == _short(page) else None


def _short(page: str) -> bytes:
    return sha256(page.encode()).digest()[:8]
