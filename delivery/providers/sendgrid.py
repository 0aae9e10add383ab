"""SendGrid: writes the mail from its parts, signs its calls with ECDSA. It knows no idempotency key.

Sources: twilio.com/docs/sendgrid, "Mail Send", "Event Webhook" and "Event Webhook security features".
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.sentences import say
from delivery.providers.answers import refused
from delivery.providers.classes import permanent
from delivery.providers.letter import letter_of
from delivery.providers.protocol import Account, Answer, Ask, Call, EventClass, Forged, Heard, Provider, Told
from delivery.providers.signatures import require_ecdsa, require_fresh, seconds
from delivery.smtp import Mail, Outcome

BAD_REQUEST = 400
SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_KINDS = {
    "delivered": EventClass.DELIVERED,
    "deferred": EventClass.SOFT_BOUNCE,
    "spamreport": EventClass.COMPLAINT,
    "unsubscribe": EventClass.UNSUBSCRIBE,
    "group_unsubscribe": EventClass.UNSUBSCRIBE,
}


def ask(account: Account, mail: Mail, at: datetime) -> Ask:
    """The parts of the mail; counting, rewriting and its own unsubscribe links are switched off."""
    del at
    letter = letter_of(mail)
    said: dict[str, Any] = {
        "personalizations": [{"to": [{"email": letter.recipient}]}],
        "from": {"email": letter.from_address, "name": letter.from_name},
        "subject": letter.subject,
        "content": [{"type": "text/plain", "value": letter.text}, {"type": "text/html", "value": letter.html}],
        "headers": dict(letter.headers),
        "custom_args": {"crusoe": letter.name},
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }
    if letter.reply_to:
        said["reply_to"] = {"email": letter.reply_to}
    return Ask(
        url=f"{account.url}/v3/mail/send",
        headers={"Authorization": f"Bearer {account.secret}", "Content-Type": "application/json"},
        body=json.dumps(said).encode(),
    )


def judge(answer: Answer) -> Outcome | None:
    """A mistake names its field."""
    errors = answer.mapping.get("errors")
    if answer.status != BAD_REQUEST or not isinstance(errors, list) or not errors or not isinstance(errors[0], dict):
        return None
    field = str(errors[0].get("field") or "")
    return refused(answer, errors[0].get("message", ""), recipient=field.startswith("personalizations"))


def hear(account: Account, call: Call) -> Heard:
    """A list of events; time and body are signed together."""
    moment = call.headers.get(TIMESTAMP, "")
    require_ecdsa(account, call.headers.get(SIGNATURE, ""), moment.encode() + call.body)
    require_fresh(seconds(moment), now=call.now)
    events = call.document
    if not isinstance(events, list):
        raise Forged("hook_unreadable", say("The body is no list of events."))
    heard = (_told(event) for event in events if isinstance(event, dict))
    return Heard(tuple(told for told in heard if told is not None))


def _told(event: Mapping[str, Any]) -> Told | None:
    reason = str(event.get("reason") or event.get("response") or "")
    status = str(event.get("status") or "") or None
    kind = _KINDS.get(str(event.get("event")))
    if event.get("event") == "bounce":
        # `blocked` is its word for a refusal that is not about the address.
        blocked = event.get("type") == "blocked"
        kind = EventClass.SOFT_BOUNCE if blocked else permanent(status=status, reason=reason)
    if kind is None or not event.get("sg_event_id"):
        return None
    at = seconds(event["timestamp"]) if "timestamp" in event else None
    return Told(
        key=str(event["sg_event_id"]),
        kind=kind,
        name=str(event.get("crusoe", "")),
        recipient=str(event.get("email", "")),
        source=event,
        at=at,
        status=status,
        reason=reason,
        final=event.get("event") != "deferred",
    )


SENDGRID = Provider(name="sendgrid", url="https://api.sendgrid.com", ask=ask, judge=judge, hear=hear)
