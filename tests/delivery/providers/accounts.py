"""What each provider is asked with, and how it answers, after its documentation."""

import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy

from tests.delivery.providers.service import Asked, Reply


@dataclass(frozen=True)
class Case:
    """`signed_in` reads the secret out of a request; `read` answers its recipient and the name of the message."""

    path: str
    signed_in: Callable[[Asked], bool]
    read: Callable[[Asked], tuple[str, str]]
    accepted: Reply
    refused: Reply
    unauthorised: Reply
    settings: dict[str, str] = field(default_factory=dict)


def raw_of(asked: Asked) -> bytes:
    """The MIME that was given to providers that take it."""
    if "form-data" in asked.headers["content-type"]:
        form = message_from_bytes(b"Content-Type: %b\r\n\r\n%b" % (asked.headers["content-type"].encode(), asked.body))
        part = next(
            one for one in form.get_payload() if one.get_param("name", header="content-disposition") == "message"
        )
        # What stands between the head of this part and the line that ends it.
        line = b"\r\n--" + form.get_boundary().encode() + b"--"
        assert part.get_content_type() == "message/rfc822"
        return asked.body.partition(b"Content-Type: message/rfc822\r\n\r\n")[2].rpartition(line)[0]
    said = asked.document
    return b64decode(said["data"] if "data" in said else said["Content"]["Raw"]["Data"])


def message_id(raw: bytes) -> str:
    return message_from_bytes(raw, policy=policy.SMTP)["Message-ID"].strip("<>")


def form_field(asked: Asked, name: str) -> str:
    return re.search(rf'name="{name}"\r\n\r\n([^\r]*)'.encode(), asked.body)[1].decode()


def basic(asked: Asked) -> str:
    return b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()


def is_listed(headers: dict[str, str]) -> bool:
    """Both List headers go along: one click has to work whoever carries the mail."""
    return headers["List-Unsubscribe"].startswith("<https://") and (
        headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    )


def postmark(asked: Asked) -> tuple[str, str]:
    said = asked.document
    headers = {one["Name"]: one["Value"] for one in said["Headers"]}
    assert is_listed(headers)
    assert headers["X-PM-KeepID"] == "true"
    assert headers["Message-ID"] == f"<{said['Metadata']['crusoe']}>"
    assert (said["TrackOpens"], said["TrackLinks"]) == (False, "None")
    assert (said["From"], said["Subject"]) == ('"Shop, Wien" <news@shop.example>', "Grüße")
    assert "Hello" in said["TextBody"]
    assert "<p>Hello" in said["HtmlBody"]
    return said["To"], said["Metadata"]["crusoe"]


def sendgrid(asked: Asked) -> tuple[str, str]:
    said = asked.document
    assert is_listed(said["headers"])
    assert not any(one["enable"] for one in said["tracking_settings"].values())
    assert [one["type"] for one in said["content"]] == ["text/plain", "text/html"]
    assert said["from"] == {"email": "news@shop.example", "name": "Shop, Wien"}
    assert said["subject"] == "Grüße"
    return said["personalizations"][0]["to"][0]["email"], said["custom_args"]["crusoe"]


def brevo(asked: Asked) -> tuple[str, str]:
    said = asked.document
    assert is_listed(said["headers"])
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", said["headers"]["idempotencyKey"])
    assert "<p>Hello" in said["htmlContent"]
    assert "Hello" in said["textContent"]
    return said["to"][0]["email"], said["headers"]["X-Mailin-custom"]


def mailjet(asked: Asked) -> tuple[str, str]:
    (said,) = asked.document["Messages"]
    assert is_listed(said["Headers"])
    assert "Message-ID" not in said["Headers"]
    assert (said["TrackOpens"], said["TrackClicks"]) == ("disabled", "disabled")
    assert "<p>Hello" in said["HTMLPart"]
    return said["To"][0]["Email"], said["CustomID"]


def ses(asked: Asked) -> tuple[str, str]:
    (tag,) = asked.document["EmailTags"]
    assert tag["Value"] == message_id(raw_of(asked))
    assert asked.document["ConfigurationSetName"] == "events"
    return asked.document["Destination"]["ToAddresses"][0], tag["Value"]


def postal(asked: Asked) -> tuple[str, str]:
    assert asked.document["mail_from"].startswith("b+")
    return asked.document["rcpt_to"][0], message_id(raw_of(asked))


def mailgun(asked: Asked) -> tuple[str, str]:
    assert form_field(asked, "o:tracking") == "no"
    return form_field(asked, "to"), message_id(raw_of(asked))


FORBIDDEN = Reply(401, {"message": "Forbidden"})

CASES: dict[str, Case] = {
    "ses": Case(
        path="/v2/email/outbound-emails",
        signed_in=lambda asked: "Credential=AKID/" in asked.headers["authorization"],
        read=ses,
        accepted=Reply(200, {"MessageId": "0100-1"}),
        refused=Reply(400, {"message": "Local address contains control"}, {"x-amzn-ErrorType": "BadRequestException"}),
        unauthorised=Reply(403, {"message": "The security token is invalid"}),
        settings={"region": "eu-central-1", "key": "AKID", "configuration_set": "events"},
    ),
    "mailgun": Case(
        path="/v3/mg.shop.example/messages.mime",
        signed_in=lambda asked: basic(asked) == "api:s3cret",
        read=mailgun,
        accepted=Reply(200, {"id": "<1@mg>", "message": "Queued. Thank you."}),
        refused=Reply(400, {"message": "'to' parameter is not a valid address. please check documentation"}),
        unauthorised=FORBIDDEN,
        settings={"domain": "mg.shop.example"},
    ),
    "postmark": Case(
        path="/email",
        signed_in=lambda asked: asked.headers["x-postmark-server-token"] == "s3cret",
        read=postmark,
        accepted=Reply(200, {"ErrorCode": 0, "Message": "OK", "MessageID": "0a129aee"}),
        refused=Reply(422, {"ErrorCode": 406, "Message": "Inactive recipient"}),
        unauthorised=Reply(401, {"ErrorCode": 10, "Message": "Bad or missing API token"}),
    ),
    "brevo": Case(
        path="/v3/smtp/email",
        signed_in=lambda asked: asked.headers["api-key"] == "s3cret",
        read=brevo,
        accepted=Reply(201, {"messageId": "<1@smtp-relay>"}),
        refused=Reply(400, {"code": "invalid_parameter", "message": "email is not valid in to"}),
        unauthorised=Reply(401, {"code": "unauthorized", "message": "Key not found"}),
    ),
    "sendgrid": Case(
        path="/v3/mail/send",
        signed_in=lambda asked: asked.headers["authorization"] == "Bearer s3cret",
        read=sendgrid,
        accepted=Reply(202, None, {"X-Message-Id": "14c5d75ce93"}),
        refused=Reply(
            400,
            {"errors": [{"message": "Does not contain a valid address.", "field": "personalizations.0.to.0.email"}]},
        ),
        unauthorised=Reply(403, {"errors": [{"message": "The from address does not match a verified Sender"}]}),
    ),
    "postal": Case(
        path="/api/v1/send/raw",
        signed_in=lambda asked: asked.headers["x-server-api-key"] == "s3cret",
        read=postal,
        accepted=Reply(200, {"status": "success", "data": {"message_id": "x"}}),
        refused=Reply(200, {"status": "error", "data": {"code": "NoRecipients", "message": "There are no recipients"}}),
        unauthorised=Reply(200, {"status": "error", "data": {"code": "InvalidServerAPIKey"}}),
    ),
    "mailjet": Case(
        path="/v3.1/send",
        signed_in=lambda asked: basic(asked) == "K3Y:s3cret",
        read=mailjet,
        accepted=Reply(200, {"Messages": [{"Status": "success", "To": [{"MessageID": 1}]}]}),
        refused=Reply(
            400,
            {
                "Messages": [
                    {
                        "Status": "error",
                        "Errors": [
                            {
                                "ErrorCode": "mj-0013",
                                "ErrorMessage": "is an invalid email address.",
                                "ErrorRelatedTo": ["To[0].Email"],
                            }
                        ],
                    }
                ]
            },
        ),
        unauthorised=Reply(401, {"ErrorMessage": "API key authentication/authorization failure"}),
        settings={"key": "K3Y"},
    ),
}
