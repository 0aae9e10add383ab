"""Finding the codes in what a server said. Pure."""

import re

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_AFTER_REPLY = re.compile(r"(?<![\d.])[245]\d\d[- #(]{1,3}([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_REPLY = re.compile(r"(?<![\d.#])([245]\d\d)(?=[- ](?!\d{1,3}\.\d)\S|[- ][245]\.\d|: |\s*$|\]$)")

LONGEST_REASON = 1_000


def status_in(text: str) -> str | None:
    """The enhanced status code (RFC 3463) in this text: one that follows a reply code, else the first."""
    after = _AFTER_REPLY.search(text)
    if after:
        return after.group(1)
    found = _STATUS.search(text)
    return ".".join(found.groups()) if found else None


def reply_in(text: str) -> int | None:
    """The reply code of SMTP (RFC 5321, section 4.2) in this text."""
    found = _REPLY.search(text)
    return int(found.group(1)) if found else None


def is_vague(status: str | None) -> bool:
    """Whether a status says no more than its first digit."""
    return status is None or status.endswith((".0.0", ".5.0")) or status[1:] == ".0.0"


def one_line(text: str) -> str:
    """What was said, on one line and not endlessly."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: LONGEST_REASON * 4]).split())
    return line[:LONGEST_REASON].encode("utf-8", "replace").decode("utf-8")
