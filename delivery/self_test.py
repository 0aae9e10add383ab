"""Find out before the first mail whether a name that carries a header becomes one.

Python's own mail library had this hole in several versions (CVE-2024-6923 and its kin). We do not use it to write
mail, but a promise about injection is better tested on the machine that sends than believed.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

from core.errors import NotAllowed
from core.sentences import say
from delivery.compose import From, HeaderInjected, Letter, compose, header_names
from delivery.smtp import Mail
from templates import Rendered, as_quoted

PAYLOADS = (
    "\r\nBcc: evil@attack.example",
    "=?utf-8?q?Hi=0D=0ABcc:_evil@attack.example?=",
    "Anna\nBcc: evil@attack.example\n\nbody",
    "Anna\u2028Bcc: evil@attack.example\x85Bcc: evil@attack.example\x0bBcc: x\0",
)

_EXPECTED = {
    "From", "To", "Subject", "Date", "Message-ID", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post",
    "Feedback-ID", "MIME-Version", "Content-Type",
}  # fmt: skip


@cache
def refuse_injection(write: Callable[..., Mail] = compose) -> None:
    """Have mails written from hostile values; raises NotAllowed when one of them has a header too many or too few.

    `write` takes what `compose` takes.
    """
    for payload in PAYLOADS:
        letter = Letter(
            message_id=1,
            recipient="anna@mail.example",
            content=as_quoted(Rendered(subject=payload, html=payload, text=payload)),
            unsubscribe_url=f"https://shop.example/u/{payload}",
            feedback_id=payload,
        )
        sender = From(
            name=payload, address="shop@shop.example", return_domain="shop.example", reply_to="shop@shop.example"
        )
        try:
            mail = write(letter, sender=sender, at=datetime.now(UTC))
        except HeaderInjected:
            names = ["?"]
        else:
            names = list(header_names(mail.content.partition(b"\r\n\r\n")[0]))
        if sorted(names) != sorted(_EXPECTED):
            raise NotAllowed("header_injection", say("This installation would send injected headers; nothing is sent."))
