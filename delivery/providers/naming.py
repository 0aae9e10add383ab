"""The name by which providers give a message back to us: its Message-ID, which nobody else can make up."""

from email.parser import BytesHeaderParser

from delivery.return_path import message_of_mail_id
from delivery.smtp import Mail


def name_of(mail: Mail) -> str:
    """The Message-ID of a mail of ours, without its angle brackets."""
    head = mail.content.partition(b"\r\n\r\n")[0]
    return str(BytesHeaderParser().parsebytes(head)["Message-ID"] or "").strip("<>")


def named(text: object) -> int | None:
    """The message that this text names, or None when we did not make it. Any angle brackets are passed over."""
    return message_of_mail_id(f"<{text.strip().strip('<>')}>") if isinstance(text, str) else None
