"""Amazon SES (API v2): takes our own MIME and knows no idempotency key; its events come through Amazon SNS.

SES replaces Message-ID and Date, so our message is named by a tag, and the signature that counts is that of SES.
Sources: docs.aws.amazon.com/ses, "SendEmail" and "Event data that Amazon SES publishes to Amazon SNS".
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from core.sentences import say
from delivery.providers import sns
from delivery.providers.answers import away, seconds_asked, told
from delivery.providers.aws_signature import signed_headers
from delivery.providers.classes import permanent
from delivery.providers.naming import name_of
from delivery.providers.protocol import Account, Answer, Ask, Call, EventClass, Heard, Provider, Told
from delivery.providers.signatures import iso, require
from delivery.smtp import Deferred, Mail, Outcome, Phase

_ACCOUNT = frozenset(
    {"AccountSuspendedException", "SendingPausedException", "MailFromDomainNotVerifiedException", "NotFoundException"}
)
_LIMITS = frozenset({"TooManyRequestsException", "LimitExceededException", "ThrottlingException", "Throttling"})


_WHERE = {
    "Delivery": ("delivery", "recipients"),
    "Complaint": ("complaint", "complainedRecipients"),
    "Bounce": ("bounce", "bouncedRecipients"),
}
_KINDS = {"Delivery": EventClass.DELIVERED, "Complaint": EventClass.COMPLAINT}


def ask(account: Account, mail: Mail, at: datetime) -> Ask:
    """The bytes of the mail, its recipient as envelope, and its name as a tag."""
    said: dict[str, Any] = {
        "Content": {"Raw": {"Data": b64encode(mail.content).decode()}},
        "Destination": {"ToAddresses": [mail.recipient]},
        "EmailTags": [{"Name": "crusoe", "Value": name_of(mail)}],
    }
    if account.settings.get("configuration_set"):
        said["ConfigurationSetName"] = account.settings["configuration_set"]
    url = f"{account.url or _url(account)}/v2/email/outbound-emails"
    body = json.dumps(said).encode()
    signed = signed_headers(
        url=url,
        body=body,
        key_id=account.settings["key"],
        secret=account.secret,
        region=account.settings["region"],
        service="ses",
        at=at,
    )
    return Ask(url=url, headers=signed | {"Content-Type": "application/json"}, body=body)


def _url(account: Account) -> str:
    return f"https://email.{account.settings['region']}.amazonaws.com"


def judge(answer: Answer) -> Outcome | None:
    """The kind of a mistake stands in a header or in the body, with a name space before it."""
    kind = str(answer.headers.get("x-amzn-errortype") or answer.mapping.get("__type") or "")
    kind = kind.partition(":")[0].rpartition("#")[2]
    if kind in _ACCOUNT:
        return away(answer, f"{kind}: {told(answer)}")
    if kind in _LIMITS:
        return Deferred(Phase.DOT, answer.status, f"{kind}: {told(answer)}", seconds_asked(answer))
    return None


def hear(account: Account, call: Call, *, fetch: sns.Fetch = sns.fetched) -> Heard:
    """An event for each recipient, or a subscription that the operator has to confirm."""
    topic = account.settings.get("topic", "")
    require(bool(topic))
    message = sns.opened(call, topic=topic, fetch=fetch)
    if message["Type"] != "Notification":
        url = str(message.get("SubscribeURL", ""))[:2000]
        return Heard(
            note=say("Amazon SNS asks whether to send events here; open this address to agree: %(url)s", url=url)
        )
    try:
        event = json.loads(str(message["Message"]))
    except ValueError:
        # A sentence in plain English follows each confirmation.
        return Heard()
    return Heard(tuple(_told(event, key=str(message["MessageId"]))) if isinstance(event, dict) else ())


def _told(event: Mapping[str, Any], *, key: str) -> Iterator[Told]:
    kind = str(event.get("eventType") or event.get("notificationType"))
    field, recipients = _WHERE.get(kind, ("", ""))
    about = event.get(field)
    if not isinstance(about, dict):
        return
    at = iso(about.get("timestamp"))
    listed = about.get(recipients)
    for number, one in enumerate(listed if isinstance(listed, list) else []):
        found = one if isinstance(one, dict) else {"emailAddress": one}
        reason = str(
            found.get("diagnosticCode") or about.get("complaintFeedbackType") or about.get("bounceSubType") or ""
        )
        status = str(found.get("status") or "") or None
        yield Told(
            key=f"{key}/{number}",
            kind=_bounce(about, status=status, reason=reason) if kind == "Bounce" else _KINDS[kind],
            name=_name(event.get("mail")),
            recipient=str(found.get("emailAddress", "")),
            source=event,
            at=at,
            status=status,
            reason=reason,
        )


def _bounce(about: Mapping[str, Any], *, status: str | None, reason: str) -> EventClass:
    # What its own suppression list kept back says nothing new about the person.
    if about.get("bounceType") != "Permanent" or "uppress" in str(about.get("bounceSubType")):
        return EventClass.SOFT_BOUNCE
    return permanent(status=status, reason=reason)


def _name(mail: Any) -> str:
    """Our tag; where events are sent without tags, the Message-ID among the headers of the mail as we gave it."""
    if not isinstance(mail, dict):
        return ""
    tags = mail.get("tags")
    tagged = tags.get("crusoe") if isinstance(tags, dict) else None
    if isinstance(tagged, list) and tagged:
        return str(tagged[0])
    headers = mail.get("headers")
    listed = headers if isinstance(headers, list) else []
    named = (one for one in listed if isinstance(one, dict) and str(one.get("name")).lower() == "message-id")
    return next((str(one.get("value")) for one in named), "")


SES = Provider(
    name="ses",
    url="",
    ask=ask,
    judge=judge,
    hear=hear,
    needs=("region", "key"),
    may=("configuration_set", "topic"),
    takes_raw=True,
)
