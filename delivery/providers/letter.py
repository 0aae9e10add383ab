"""A finished mail taken apart again, for providers that want its parts and write the mail themselves.

It is our own mail, so nothing in it is a surprise; our signature is left out because it covers what they change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.headerregistry import Address
from typing import Any, cast

from delivery.smtp import Mail

# What providers let us set. Both List headers are among them: one click works whoever carries the mail (RFC 8058).
KEPT = ("Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID")


@dataclass(frozen=True)
class Letter:
    """What a mail says, in text."""

    from_name: str
    from_address: str
    recipient: str
    subject: str
    text: str
    html: str
    reply_to: str | None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name by which the provider gives the message back."""
        return self.headers["Message-ID"].strip("<>")

    def headers_without(self, *names: str) -> dict[str, str]:
        """The headers but for those that a provider refuses."""
        return {name: value for name, value in self.headers.items() if name not in names}


def letter_of(mail: Mail) -> Letter:
    """The parts of a mail that `delivery.compose` made."""
    message = cast("Any", message_from_bytes(mail.content, policy=policy.SMTP))
    sender: Address = message["From"].addresses[0]
    return Letter(
        from_name=sender.display_name,
        from_address=sender.addr_spec,
        recipient=mail.recipient,
        subject=str(message["Subject"]),
        text=message.get_body(("plain",)).get_content(),
        html=message.get_body(("html",)).get_content(),
        reply_to=str(message["Reply-To"]) if message["Reply-To"] else None,
        headers={name: str(message[name]) for name in KEPT if message[name]},
    )
