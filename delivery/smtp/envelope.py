"""What may stand between the angle brackets of MAIL and RCPT, and what the bytes of a mail may look like.

Stricter than RFC 5321 section 4.1.2: no quoted local parts, no address literals, no source routes, so that nothing that
comes from a contact can ever end a command early.
"""

import re

# Letters beyond ASCII are allowed in the local part only (RFC 6531); domains come as A-labels.
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX = re.compile(rf"({_LOCAL}(?:\.{_LOCAL})*)@((?:{_LABEL}\.)+{_LABEL})")

# What nearly all of them look like; looking closely at the others takes three times as long.
_ORDINARY = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]{1,63}"
)

LONGEST_LOCAL = 64
LONGEST_DOMAIN = 253
LONGEST_LINE = 998


def is_mailbox(address: str) -> bool:
    """Whether this may be written into a command of the envelope."""
    if len(address) <= LONGEST_LOCAL and _ORDINARY.fullmatch(address):
        return True
    found = _MAILBOX.fullmatch(address)
    if found is None or not address.isprintable():
        return False
    local, domain = found.groups()
    return len(local.encode()) <= LONGEST_LOCAL and len(domain) <= LONGEST_DOMAIN


def has_clean_lines(mail: bytes) -> bool:
    """Whether lines end with CRLF only and nothing could be read as the end of the mail by a lenient server.

    Servers differ in what they take for a line end; a bare CR or LF is how one mail is smuggled into another.
    """
    ends = mail.count(b"\r\n")
    return ends == mail.count(b"\n") == mail.count(b"\r") and b"\0" not in mail


def on_the_wire(mail: bytes) -> bytes:
    """The mail as DATA wants it: leading dots doubled (RFC 5321 section 4.5.2), ended by the final dot."""
    stuffed = mail.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")
