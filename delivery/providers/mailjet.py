"""Mailjet: writes the mail from its parts; its calls carry the user and password of the address they go to.

It knows no idempotency key, and puts a Message-ID of its own, so `CustomID` names our message. Sources:
dev.mailjet.com, "Send API v3.1", "Status codes" and "Event API".
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from delivery.providers.answers import refused
from delivery.providers.classes import permanent
from delivery.providers.letter import letter_of
from delivery.providers.protocol import Account, Answer, Ask, Call, EventClass, Heard, Provider, Told
from delivery.providers.signatures import require_secret, seconds
from delivery.smtp import Accepted, Mail, Outcome, Phase

TAKEN, BAD_REQUEST = 200, 400
_KINDS = {
    "sent": EventClass.DELIVERED,
    "spam": EventClass.COMPLAINT,
    "unsub": EventClass.UNSUBSCRIBE,
    # Its own list, or its own judgement; nothing that the person or the receiving server said.
    "blocked": EventClass.SOFT_BOUNCE,
}


def ask(account: Account, mail: Mail, at: datetime) -> Ask:
    """The parts of the mail; it refuses a Message-ID of ours, and counts nothing."""
    del at
    letter = letter_of(mail)
    said: dict[str, Any] = {
        "From": {"Email": letter.from_address, "Name": letter.from_name},
        "To": [{"Email": letter.recipient}],
        "Subject": letter.subject,
        "TextPart": letter.text,
        "HTMLPart": letter.html,
        "Headers": letter.headers_without("Message-ID"),
        "CustomID": letter.name,
        "TrackOpens": "disabled",
        "TrackClicks": "disabled",
    }
    if letter.reply_to:
        said["ReplyTo"] = {"Email": letter.reply_to}
    signed_in = b64encode(f"{account.settings['key']}:{account.secret}".encode()).decode()
    return Ask(
        url=f"{account.url}/v3.1/send",
        headers={"Authorization": f"Basic {signed_in}", "Content-Type": "application/json"},
        body=json.dumps({"Messages": [said]}).encode(),
    )


def judge(answer: Answer) -> Outcome | None:
    """Each message has a status of its own."""
    messages = answer.mapping.get("Messages")
    if answer.status not in {TAKEN, BAD_REQUEST} or not isinstance(messages, list) or not messages:
        return None
    message = messages[0] if isinstance(messages[0], dict) else {}
    if message.get("Status") == "success":
        return Accepted(Phase.DOT, answer.status, "queued")
    errors = message.get("Errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    listed = first.get("ErrorRelatedTo")
    related = map(str, listed) if isinstance(listed, list) else ()
    said = f"{first.get('ErrorCode', '')} {first.get('ErrorMessage', '')}".strip()
    return refused(answer, said, recipient=any(one.startswith("To") for one in related))


def hear(account: Account, call: Call) -> Heard:
    """A list of events, or one alone where grouping is off. Nothing in it is signed."""
    require_secret(account, call)
    document = call.document
    events = document if isinstance(document, list) else [document]
    heard = (_told(event) for event in events if isinstance(event, dict))
    return Heard(tuple(told for told in heard if told is not None))


def _told(event: Mapping[str, Any]) -> Told | None:
    reason = " ".join(str(event.get(name) or "") for name in ("error", "smtp_reply", "comment")).strip()
    kind = _KINDS.get(str(event.get("event")))
    if event.get("event") == "bounce":
        kind = EventClass.SOFT_BOUNCE
        # What it calls hard and lays to the recipient or its domain; spam, content and system are about us.
        if event.get("hard_bounce") and str(event.get("error_related_to")) in {"recipient", "domain"}:
            kind = permanent(status=None, reason=reason)
    if kind is None:
        return None
    key = sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()
    at = seconds(event["time"]) if "time" in event else None
    name, recipient = str(event.get("CustomID", "")), str(event.get("email", ""))
    return Told(key=key, kind=kind, name=name, recipient=recipient, source=event, at=at, reason=reason)


MAILJET = Provider(
    name="mailjet",
    url="https://api.mailjet.com",
    ask=ask,
    judge=judge,
    hear=hear,
    needs=("key",),
)
