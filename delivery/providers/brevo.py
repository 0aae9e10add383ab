"""Brevo: writes the mail from its parts, and knows a key with which it takes the same mail once in half an hour.

Its calls carry a bearer token or a user and password. Sources: developers.brevo.com, "Send a transactional email",
"Idempotency for batch emails", "Transactional webhooks" and "Secure webhook calls".
"""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from delivery.providers.answers import refused, told
from delivery.providers.classes import permanent
from delivery.providers.letter import letter_of
from delivery.providers.protocol import Account, Answer, Ask, Call, EventClass, Heard, Provider, Told
from delivery.providers.signatures import require_secret, seconds
from delivery.smtp import Mail, Outcome, Phase, Unknown

BAD_REQUEST = 400
_KINDS = {
    "delivered": EventClass.DELIVERED,
    "soft_bounce": EventClass.SOFT_BOUNCE,
    "deferred": EventClass.SOFT_BOUNCE,
    "spam": EventClass.COMPLAINT,
    "unsubscribed": EventClass.UNSUBSCRIBE,
}
_HARD = frozenset({"hard_bounce", "invalid_email"})


def ask(account: Account, mail: Mail, at: datetime) -> Ask:
    """The parts of the mail, with a key that is made from its Message-ID and so is the same at every attempt."""
    del at
    letter = letter_of(mail)
    marks = {"X-Mailin-custom": letter.name, "idempotencyKey": str(uuid5(NAMESPACE_URL, f"mid:{letter.name}"))}
    sender = {"email": letter.from_address} | ({"name": letter.from_name} if letter.from_name else {})
    said: dict[str, Any] = {
        "sender": sender,
        "to": [{"email": letter.recipient}],
        "subject": letter.subject,
        "textContent": letter.text,
        "htmlContent": letter.html,
        "headers": dict(letter.headers) | marks,
    }
    if letter.reply_to:
        said["replyTo"] = {"email": letter.reply_to}
    return Ask(
        url=f"{account.url}/v3/smtp/email",
        headers={"api-key": account.secret, "Content-Type": "application/json", "Accept": "application/json"},
        body=json.dumps(said).encode(),
    )


def judge(answer: Answer) -> Outcome | None:
    """A key that it knows already means that it began with this mail before; how that ended it does not say."""
    code, said = str(answer.mapping.get("code", "")), told(answer)
    if answer.status != BAD_REQUEST:
        return None
    if code == "duplicate_request":
        return Unknown(Phase.DOT, answer.status, said)
    about_recipient = code == "invalid_parameter" and " to" in said and "email" in said
    return refused(answer, f"{code} {said}", recipient=about_recipient)


def hear(account: Account, call: Call) -> Heard:
    """One event, or a list of them where calls are batched. Nothing in it is signed."""
    require_secret(account, call)
    document = call.document
    events = document if isinstance(document, list) else [document]
    heard = (_told(event) for event in events if isinstance(event, dict))
    return Heard(tuple(told for told in heard if told is not None))


def _told(event: Mapping[str, Any]) -> Told | None:
    reason = str(event.get("reason", ""))
    kind = _KINDS.get(str(event.get("event")))
    if str(event.get("event")) in _HARD:
        kind = permanent(status=None, reason=reason)
    if kind is None:
        return None
    # The id in a call is that of the webhook; only all of it together tells one event from another.
    key = sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()
    at = seconds(event["ts_event"]) if "ts_event" in event else None
    return Told(
        key=key,
        kind=kind,
        name=str(event.get("X-Mailin-custom", "")),
        recipient=str(event.get("email", "")),
        source=event,
        at=at,
        reason=reason,
        final=event.get("event") != "deferred",
    )


BREVO = Provider(name="brevo", url="https://api.brevo.com", ask=ask, judge=judge, hear=hear, repeats_safely=True)
