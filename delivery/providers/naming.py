"""The name by which providers give a message back to us: its Message-ID, which nobody else can make up."""

import hmac
import re
from email.parser import BytesHeaderParser

from delivery.return_path import mail_id
from delivery.smtp import Mail

_OURS = re.compile(r"<?((\d{1,19})\.[a-z2-7]{16}@([A-Za-z0-9.-]{1,253}))>?", re.IGNORECASE)


def name_of(mail: Mail) -> str:
    """The Message-ID of a mail of ours, without its angle brackets."""
    head = mail.content.partition(b"\r\n\r\n")[0]
    return str(BytesHeaderParser().parsebytes(head)["Message-ID"] or "").strip("<>")


def named(text: object) -> int | None:
    """The message that this text names, or None when we did not make it. Any angle brackets are passed over."""
    found = _OURS.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None or int(found[2]) >= 1 << 63:
        return None
    ours = mail_id(message_id=int(found[2]), domain=found[3]).lower()
    return int(found[2]) if hmac.compare_digest(ours, f"<{found[1]}>".lower()) else None
