"""Postmark: writes the mail from its parts; its calls carry the user and password of the address they go to.

It knows no idempotency key. Sources: postmarkapp.com/developer, "Email API", "API error codes" and "Webhooks".
"""

import json
from datetime import datetime
from typing import Any

from delivery.providers.answers import away, refused, told
from delivery.providers.classes import permanent
from delivery.providers.letter import letter_of
from delivery.providers.protocol import Account, Answer, Ask, Call, EventClass, Heard, Provider, Told
from delivery.providers.signatures import iso, require_secret
from delivery.quoted import phrase
from delivery.smtp import Mail, Outcome

UNPROCESSABLE = 422
# Token, sender signature, or the whole account: nothing about this mail.
_ACCOUNT = frozenset({10, 100, 400, 401, 405, 412, 413})
_RECIPIENT = frozenset({300, 406})
_HARD = frozenset({"HardBounce", "BadEmailAddress"})
_BOUNCES = {
    "SpamNotification": EventClass.COMPLAINT,
    "SpamComplaint": EventClass.COMPLAINT,
    "Unsubscribe": EventClass.UNSUBSCRIBE,
}
_RECORDS = {"Delivery": EventClass.DELIVERED, "SpamComplaint": EventClass.COMPLAINT}
_TIMES = ("DeliveredAt", "BouncedAt", "ChangedAt")


def ask(account: Account, mail: Mail, at: datetime) -> Ask:
    """The parts of the mail; `X-PM-KeepID` keeps our Message-ID, and nothing is counted or rewritten."""
    del at
    letter = letter_of(mail)
    name = phrase(letter.from_name)
    said: dict[str, Any] = {
        "From": f"{name} <{letter.from_address}>" if name else letter.from_address,
        "To": letter.recipient,
        "Subject": letter.subject,
        "TextBody": letter.text,
        "HtmlBody": letter.html,
        "Headers": [{"Name": key, "Value": value} for key, value in letter.headers.items()]
        + [{"Name": "X-PM-KeepID", "Value": "true"}],
        "Metadata": {"crusoe": letter.name},
        "MessageStream": account.settings.get("stream", "broadcast"),
        "TrackOpens": False,
        "TrackLinks": "None",
    }
    if letter.reply_to:
        said["ReplyTo"] = letter.reply_to
    return Ask(
        url=f"{account.url}/email",
        headers={"X-Postmark-Server-Token": account.secret, "Content-Type": "application/json"}
        | {"Accept": "application/json"},
        body=json.dumps(said).encode(),
    )


def judge(answer: Answer) -> Outcome | None:
    """422 with a code of its own."""
    code = answer.mapping.get("ErrorCode")
    if answer.status != UNPROCESSABLE or not isinstance(code, int):
        return None
    said = f"{code} {told(answer)}"
    return away(answer, said) if code in _ACCOUNT else refused(answer, said, recipient=code in _RECIPIENT)


def hear(account: Account, call: Call) -> Heard:
    """One event. Nothing in it is signed, so its own time and identity have to do."""
    require_secret(account, call)
    event = call.mapping
    kind = _kind(event)
    metadata = event.get("Metadata")
    if kind is None or not isinstance(metadata, dict):
        return Heard()
    moment = next((event[name] for name in _TIMES if event.get(name)), None)
    key = f"{event.get('RecordType')}/{event.get('MessageID')}/{event.get('ID', moment)}"
    reason = f"{event.get('Description', '')} {event.get('Details', '')}".strip()
    at = iso(moment) if moment else None
    recipient = str(event.get("Email") or event.get("Recipient") or "")
    name = str(metadata.get("crusoe", ""))
    final = str(event.get("Type")) not in {"Transient", "DnsError"}
    told = Told(key=key, kind=kind, name=name, recipient=recipient, source=event, at=at, reason=reason, final=final)
    return Heard((told,))


def _kind(event: Any) -> EventClass | None:
    record = event.get("RecordType")
    if record == "Bounce" and str(event.get("Type")) in _HARD:
        return permanent(status=None, reason=str(event.get("Details", "")))
    if record == "Bounce":
        return _BOUNCES.get(str(event.get("Type")), EventClass.SOFT_BOUNCE)
    if record == "SubscriptionChange":
        own = event.get("SuppressSending") and event.get("Origin") == "Recipient"
        return EventClass.UNSUBSCRIBE if own and event.get("SuppressionReason") == "ManualSuppression" else None
    return _RECORDS.get(str(record))


POSTMARK = Provider(
    name="postmark",
    url="https://api.postmarkapp.com",
    ask=ask,
    judge=judge,
    hear=hear,
    may=("stream",),
)
