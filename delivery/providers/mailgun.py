"""Mailgun: takes our own MIME, signs its calls inside the body. It knows no idempotency key.

Sources: documentation.mailgun.com, "Send an email in MIME format" and "Securing webhooks".
"""

import hmac
import secrets
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from delivery.providers.answers import refused, told
from delivery.providers.classes import permanent
from delivery.providers.protocol import Account, Answer, Ask, Call, EventClass, Heard, Provider, Told
from delivery.providers.signatures import require, require_fresh, seconds
from delivery.smtp import Mail, Outcome

_KINDS = {
    "delivered": EventClass.DELIVERED,
    "complained": EventClass.COMPLAINT,
    "unsubscribed": EventClass.UNSUBSCRIBE,
}
BAD_REQUEST = 400


def ask(account: Account, mail: Mail, at: datetime) -> Ask:
    """The mail as a file of a form, and nothing counted or rewritten: our signature covers every byte."""
    del at
    line = secrets.token_hex(16).encode()
    fields = {b"to": mail.recipient.encode(), b"o:tracking": b"no"}
    parts = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (line, name, value)
        for name, value in fields.items()
    ]
    head = b'--%b\r\nContent-Disposition: form-data; name="message"; filename="message.eml"\r\n' % line
    parts += [head, b"Content-Type: message/rfc822\r\n\r\n", mail.content, b"\r\n--%b--\r\n" % line]
    return Ask(
        url=f"{account.url}/v3/{account.settings['domain']}/messages.mime",
        headers={
            "Authorization": "Basic " + b64encode(f"api:{account.secret}".encode()).decode(),
            "Content-Type": f"multipart/form-data; boundary={line.decode()}",
        },
        body=b"".join(parts),
    )


def judge(answer: Answer) -> Outcome | None:
    """Addresses that it takes for none."""
    said = told(answer)
    if answer.status == BAD_REQUEST and "not a valid address" in said:
        return refused(answer, said, recipient=True)
    return None


def hear(account: Account, call: Call) -> Heard:
    """One event. Only time and token are signed, so the token is its identity, whatever comes with it."""
    document = call.mapping
    given = _mapping(document.get("signature"))
    time, token = str(given.get("timestamp", "")), str(given.get("token", ""))
    expected = hmac.digest(account.hook_secret.encode(), f"{time}{token}".encode(), "sha256").hex()
    require(bool(account.hook_secret) and bool(token) and _same(str(given.get("signature", "")), expected))
    require_fresh(seconds(time), now=call.now)
    event = _mapping(document.get("event-data"))
    delivery = _mapping(event.get("delivery-status"))
    reason = " ".join(str(delivery.get(name) or "") for name in ("code", "message", "description")).strip()
    status = str(delivery.get("enhanced-code") or "") or None
    kind = _kind(event, status, reason)
    name = str(_mapping(_mapping(event.get("message")).get("headers")).get("message-id", ""))
    if kind is None:
        return Heard()
    at = seconds(event["timestamp"]) if "timestamp" in event else None
    told = Told(
        key=token,
        kind=kind,
        name=name,
        recipient=str(event.get("recipient", "")),
        source=event,
        at=at,
        status=status,
        reason=reason,
        final=event.get("severity") != "temporary",
    )
    return Heard((told,))


def _kind(event: Mapping[str, Any], status: str | None, reason: str) -> EventClass | None:
    if event.get("event") != "failed":
        return _KINDS.get(str(event.get("event")))
    if event.get("severity") != "permanent":
        return EventClass.SOFT_BOUNCE
    # Not sent at all because of an older event in its own list: nothing new was learned about the person.
    if str(event.get("reason", "")).startswith("suppress"):
        return EventClass.SOFT_BOUNCE
    return permanent(status=status, reason=reason)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


MAILGUN = Provider(
    name="mailgun",
    url="https://api.mailgun.net",
    ask=ask,
    judge=judge,
    hear=hear,
    needs=("domain",),
    takes_raw=True,
)
