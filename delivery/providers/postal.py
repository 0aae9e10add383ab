"""Postal: takes our own MIME and envelope, signs its calls with RSA. It knows no idempotency key.

Sources: docs.postalserver.io, "Using the API" and "Webhooks"; the send controller and the signer of Postal itself.
"""

import json
from base64 import b64encode
from datetime import datetime

from cryptography.hazmat.primitives import hashes

from delivery.providers.answers import away, refused
from delivery.providers.classes import permanent
from delivery.providers.protocol import Account, Answer, Ask, Call, EventClass, Heard, Provider, Told
from delivery.providers.signatures import require_fresh, require_rsa, seconds
from delivery.smtp import Mail, Outcome

_ACCOUNT = frozenset({"InvalidServerAPIKey", "AccessDenied", "ServerSuspended", "UnauthenticatedFromAddress"})
_RECIPIENT = frozenset({"NoRecipients"})
_KINDS = {"MessageSent": EventClass.DELIVERED, "MessageDelayed": EventClass.SOFT_BOUNCE}


def ask(account: Account, mail: Mail, at: datetime) -> Ask:
    """Envelope and bytes, as over SMTP: bounces come back to our own return path."""
    del at
    said = {"mail_from": mail.sender, "rcpt_to": [mail.recipient], "data": b64encode(mail.content).decode()}
    return Ask(
        url=f"{account.url}/api/v1/send/raw",
        headers={"X-Server-API-Key": account.secret, "Content-Type": "application/json"},
        body=json.dumps(said).encode(),
    )


def judge(answer: Answer) -> Outcome | None:
    """It answers 200 to everything; `status` in the body says what it means."""
    said = answer.mapping
    if said.get("status") is None or said["status"] == "success":
        return None
    data = said.get("data")
    data = data if isinstance(data, dict) else {}
    code = str(data.get("code", ""))
    words = f"{code} {data.get('message', '')}".strip() or str(said["status"])
    if code in _ACCOUNT:
        return away(answer, words)
    return refused(answer, words, recipient=code in _RECIPIENT)


def hear(account: Account, call: Call) -> Heard:
    """One event, signed as a whole. A signature over SHA-256 counts alone where there is one."""
    newer = call.headers.get("x-postal-signature-256")
    if newer is None:
        older = call.headers.get("x-postal-signature", "")
        require_rsa(account, older, call.body, algorithm=hashes.SHA1())  # noqa: S303 - what older versions sign with
    else:
        require_rsa(account, newer, call.body, algorithm=hashes.SHA256())
    document = call.mapping
    at = seconds(document.get("timestamp"))
    require_fresh(at, now=call.now)
    payload = document.get("payload")
    payload = payload if isinstance(payload, dict) else {}
    reason = " ".join(str(payload.get(name) or "") for name in ("output", "details")).strip()
    kind = _kind(str(document.get("event")), reason)
    message = payload.get("message") or payload.get("original_message")
    if kind is None or not isinstance(message, dict) or message.get("direction") == "incoming":
        return Heard()
    name = str(message.get("message_id", ""))
    told = Told(
        key=str(document.get("uuid")),
        kind=kind,
        name=name,
        recipient=str(message.get("to", "")),
        source=document,
        at=at,
        reason=reason,
        final=document.get("event") != "MessageDelayed",
    )
    return Heard((told,))


def _kind(event: str, reason: str) -> EventClass | None:
    match event:
        case "MessageDeliveryFailed":
            return permanent(status=None, reason=reason)
        case "MessageBounced":
            # A bounce came back later. What it says stands in another mail, so nobody is suppressed because of it.
            return EventClass.SOFT_BOUNCE
        case _:
            return _KINDS.get(event)


POSTAL = Provider(name="postal", url="", ask=ask, judge=judge, hear=hear, takes_raw=True)
