"""Calls as each provider makes them: its document for an event, and its signature, both after its documentation."""

import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

TOPIC = "arn:aws:sns:eu-central-1:123456789012:mail"
CERTIFICATE = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem"
DEAD = "550 5.1.1 <gone@mail.example>: user unknown"
POLICY = "550 5.7.1 message refused by policy"


@dataclass(frozen=True)
class Event:
    """What happened, in our words. `name` is the Message-ID, `key` what tells this event from others."""

    kind: str
    name: str
    recipient: str = "p0@mail.example"
    key: str = "1"
    said: str = DEAD
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def seconds(self) -> int:
        return int(self.at.timestamp())


Signed = tuple[dict[str, str], bytes]


@dataclass(frozen=True)
class Caller:
    """`sign` answers headers and body; `forge` signs with another secret than the one that was agreed."""

    document: Callable[[Event], object]
    sign: Callable[[object, Event, bool], Signed]
    hook_secret: str
    settings: dict[str, str] = field(default_factory=dict)

    def call(self, event: Event, *, forge: bool = False) -> Signed:
        return self.sign(self.document(event), event, forge)


@cache
def rsa_key(which: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(which: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def printed(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


@cache
def certificate(which: str = "amazon", days: int = 1) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key(which).public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=30))
        .not_valid_after(today + timedelta(days=days))
        .sign(rsa_key(which), hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def fetched(url: str) -> bytes:
    """What Amazon would answer; asked for nothing else."""
    assert url == CERTIFICATE
    return certificate()


def mailgun(event: Event) -> object:
    names = {"delivered": "delivered", "complaint": "complained", "unsubscribe": "unsubscribed"}
    about = {
        "event": names.get(event.kind, "failed"),
        "timestamp": event.at.timestamp(),
        "recipient": event.recipient,
        "message": {"headers": {"message-id": event.name}},
    }
    if event.kind in {"hard", "policy", "soft"}:
        about |= {
            "severity": "temporary" if event.kind == "soft" else "permanent",
            "reason": "bounce",
            "delivery-status": {"code": 550, "message": POLICY if event.kind == "policy" else event.said},
        }
    return {"event-data": about}


def sign_mailgun(document: object, event: Event, forge: bool) -> Signed:
    token = f"token-{event.key}".ljust(50, "x")
    key = b"another" if forge else b"signing key"
    signature = hmac.digest(key, f"{event.seconds}{token}".encode(), "sha256").hex()
    whole = {"signature": {"timestamp": str(event.seconds), "token": token, "signature": signature}, **document}
    return {}, json.dumps(whole).encode()


def sendgrid(event: Event) -> object:
    names = {"hard": "bounce", "policy": "bounce", "soft": "deferred", "complaint": "spamreport"}
    about = {
        "email": event.recipient,
        "timestamp": event.seconds,
        "event": names.get(event.kind, event.kind),
        "sg_event_id": event.key,
        "crusoe": event.name,
    }
    if event.kind in {"hard", "policy"}:
        about |= {"type": "bounce", "reason": POLICY if event.kind == "policy" else event.said}
    return [about, {"event": "open", "sg_event_id": f"open {event.key}", "crusoe": event.name}]


def sign_sendgrid(document: object, event: Event, forge: bool) -> Signed:
    body = json.dumps(document).encode() + b"\r\n"
    signature = ec_key("mallory" if forge else "sendgrid").sign(
        str(event.seconds).encode() + body, ec.ECDSA(hashes.SHA256())
    )
    return {
        "X-Twilio-Email-Event-Webhook-Signature": b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": str(event.seconds),
    }, body


def postmark(event: Event) -> object:
    about = {"MessageID": f"pm-{event.key}", "Metadata": {"crusoe": event.name}, "Email": event.recipient}
    at = event.at.isoformat()
    match event.kind:
        case "delivered":
            return about | {"RecordType": "Delivery", "DeliveredAt": at, "Recipient": event.recipient}
        case "complaint":
            return about | {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "ID": 7, "BouncedAt": at}
        case "unsubscribe":
            return about | {
                "RecordType": "SubscriptionChange",
                "SuppressSending": True,
                "SuppressionReason": "ManualSuppression",
                "Origin": "Recipient",
                "ChangedAt": at,
            }
    kind = "SoftBounce" if event.kind == "soft" else "HardBounce"
    details = POLICY if event.kind == "policy" else event.said
    return about | {"RecordType": "Bounce", "Type": kind, "ID": event.key, "BouncedAt": at, "Details": details}


def sign_basic(document: object, event: Event, forge: bool) -> Signed:
    secret = "hook:wrong" if forge else "hook:s3cret"
    return {"Authorization": "Basic " + b64encode(secret.encode()).decode()}, json.dumps(document).encode()


def brevo(event: Event) -> object:
    names = {"hard": "hard_bounce", "policy": "hard_bounce", "soft": "deferred", "complaint": "spam"}
    names["unsubscribe"] = "unsubscribed"
    return {
        "event": names.get(event.kind, event.kind),
        "email": event.recipient,
        "id": 26570,
        "ts_event": event.seconds,
        "X-Mailin-custom": event.name,
        "message-id": f"<{event.key}@smtp-relay>",
        "reason": POLICY if event.kind == "policy" else event.said,
    }


def sign_bearer(document: object, event: Event, forge: bool) -> Signed:
    return {"Authorization": f"Bearer {'wrong' if forge else 's3cret'}"}, json.dumps(document).encode()


def mailjet(event: Event) -> object:
    names = {"delivered": "sent", "complaint": "spam", "unsubscribe": "unsub"}
    about = {
        "event": names.get(event.kind, "bounce"),
        "time": event.seconds,
        "email": event.recipient,
        "MessageID": event.key,
        "CustomID": event.name,
    }
    if event.kind in {"hard", "policy", "soft"}:
        about |= {
            "hard_bounce": event.kind != "soft",
            "error_related_to": "spam" if event.kind == "policy" else "recipient",
            "error": "policy issue" if event.kind == "policy" else "user unknown",
            "comment": POLICY if event.kind == "policy" else event.said,
        }
    return [about]


def postal(event: Event) -> object:
    message = {"id": 1, "direction": "outgoing", "message_id": event.name, "to": event.recipient}
    names = {"delivered": "MessageSent", "soft": "MessageDelayed"}
    return {
        "event": names.get(event.kind, "MessageDeliveryFailed"),
        "timestamp": event.at.timestamp(),
        "payload": {"message": message, "output": POLICY if event.kind == "policy" else event.said},
        "uuid": f"uuid-{event.key}",
    }


def sign_postal(document: object, event: Event, forge: bool) -> Signed:
    body = json.dumps(document).encode()
    key = rsa_key("mallory" if forge else "postal")
    newer, older = (key.sign(body, PKCS1v15(), one) for one in (hashes.SHA256(), hashes.SHA1()))  # noqa: S303
    return {
        "X-Postal-Signature": b64encode(older).decode(),
        "X-Postal-Signature-256": b64encode(newer).decode(),
    }, body


def ses(event: Event) -> object:
    mail = {"messageId": "0100", "destination": [event.recipient], "tags": {"crusoe": [event.name]}}
    moment = event.at.isoformat().replace("+00:00", "Z")
    match event.kind:
        case "delivered":
            return {
                "eventType": "Delivery",
                "mail": mail,
                "delivery": {"timestamp": moment, "recipients": [event.recipient]},
            }
        case "complaint":
            about = {"timestamp": moment, "complainedRecipients": [{"emailAddress": event.recipient}]}
            return {"eventType": "Complaint", "mail": mail, "complaint": about}
    recipient = {
        "emailAddress": event.recipient,
        "diagnosticCode": "smtp; " + (POLICY if event.kind == "policy" else event.said),
    }
    about = {
        "timestamp": moment,
        "bounceType": "Transient" if event.kind == "soft" else "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [recipient],
    }
    return {"eventType": "Bounce", "mail": mail, "bounce": about}


def sns(message: dict[str, str], *, key: str = "amazon") -> Signed:
    """A message of Amazon SNS with its signature (version 2)."""
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    said = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    signature = rsa_key(key).sign(said.encode(), PKCS1v15(), hashes.SHA256())
    signed = {"SignatureVersion": "2", "SigningCertURL": CERTIFICATE, "Signature": b64encode(signature).decode()}
    return {}, json.dumps(signed | message).encode()


def sign_ses(document: object, event: Event, forge: bool) -> Signed:
    message = {
        "Type": "Notification",
        "MessageId": f"sns-{event.key}",
        "TopicArn": TOPIC,
        "Message": json.dumps(document),
        "Timestamp": event.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
    return sns(message, key="mallory" if forge else "amazon")


CALLERS: dict[str, Caller] = {
    "mailgun": Caller(mailgun, sign_mailgun, "signing key", {"domain": "mg.shop.example"}),
    "sendgrid": Caller(sendgrid, sign_sendgrid, printed(ec_key("sendgrid"))),
    "postmark": Caller(postmark, sign_basic, "hook:s3cret"),
    "brevo": Caller(brevo, sign_bearer, "s3cret"),
    "mailjet": Caller(mailjet, sign_basic, "hook:s3cret", {"key": "K3Y"}),
    "postal": Caller(postal, sign_postal, printed(rsa_key("postal"))),
    "ses": Caller(ses, sign_ses, "", {"region": "eu-central-1", "key": "AKID", "topic": TOPIC}),
}
# Postal and SES offer nothing to unsubscribe with: nothing of them says that somebody did.
SILENT = {("postal", "complaint"), ("postal", "unsubscribe"), ("ses", "unsubscribe")}
