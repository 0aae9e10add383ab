"""Addresses and ids that name one message and cannot be made up: the return path (VERP) and the Message-ID."""

import hmac
import re

from core.keys import keys, mac

SEAL_BYTES = 10

_BOUNCE = re.compile(r"b\+(\d{1,19})\.([0-9a-f]{20})")
_MAIL_ID = re.compile(r"<(\d{1,19})\.([0-9a-f]{20})@[^<>\s@]{1,255}>")

# The largest id that the database knows.
_LARGEST = 2**63 - 1

OPT_OUT = "u+"


def return_path(*, message_id: int, domain: str) -> str:
    """Where bounces of this message go. Lower case only: some servers change the case of what they send back."""
    return f"b+{message_id}.{_seal(b'bounce', message_id)}@{domain}"


def message_of(address: str) -> int | None:
    """The message whose return path this is, or None when we did not make it."""
    return _sealed(_BOUNCE.fullmatch(address.rpartition("@")[0].lower()), b"bounce")


def mail_id(*, message_id: int, domain: str) -> str:
    """The Message-ID: the same at every attempt, so that receivers and logs recognise a repetition (RFC 5322 3.6.4)."""
    return f"<{message_id}.{_seal(b'message', message_id)}@{domain}>"


def message_of_mail_id(name: str) -> int | None:
    """The message whose Message-ID this is, or None when we did not make it. The domain proves nothing."""
    return _sealed(_MAIL_ID.fullmatch(name.strip().lower()), b"message")


def opt_out_mailbox(*, token: str, domain: str) -> str:
    """Where a mail program writes to unsubscribe (RFC 2369): at most 62 characters before the sign, of 64 allowed."""
    return f"{OPT_OUT}{token}@{domain}"


def opt_out_token(address: str) -> str | None:
    """What stands in such an address, or None when it is another; whether the token is ours is for its reader."""
    local = address.strip("<> ").rpartition("@")[0]
    return local[len(OPT_OUT) :] if local[: len(OPT_OUT)].lower() == OPT_OUT else None


def _sealed(found: re.Match[str] | None, kind: bytes) -> int | None:
    if found is None or int(found.group(1)) > _LARGEST:
        return None
    message_id = int(found.group(1))
    return message_id if hmac.compare_digest(found.group(2), _seal(kind, message_id)) else None


def _seal(kind: bytes, message_id: int) -> str:
    seal = mac(keys().verp, kind + b"\0" + message_id.to_bytes(8, "big"))
    return seal[:SEAL_BYTES].hex()
