"""A mail that somebody sent us, taken apart within limits: no header is trusted, nothing is decoded twice."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from html import unescape

LARGEST = 5 * 1024 * 1024
DEEPEST = 20
MOST_PARTS = 100
LONGEST_TEXT = 100_000
LONGEST_HEADER = 2_000

REPORT = "message/delivery-status"
FEEDBACK = "message/feedback-report"
# RFC 6533 and RFC 3462: the report for addresses in UTF-8, and the returned headers without a body.
REPORTS = frozenset({REPORT, "message/global-delivery-status"})
ORIGINALS = frozenset({"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"})

# An element of HTML, and not an address in angle brackets.
_TAG = re.compile(r"<(?:/?[a-z!][a-z0-9]{0,15}(?:\s[^<>]{0,2000})?|/?[a-z][a-z0-9]{0,15}/)>", re.IGNORECASE)


class Unreadable(Exception):
    """This mail goes beyond a limit; the text says which."""


@dataclass(frozen=True)
class Parts:
    """What can be read of a mail: its own headers, the human text, reports, and the headers of the returned mail."""

    message: Message
    texts: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    feedback: list[str] = field(default_factory=list)
    originals: list[str] = field(default_factory=list)

    def header(self, name: str) -> str:
        """A header of the mail itself as readable text; empty when it is not there."""
        return readable_header(self.message, name)

    @property
    def text(self) -> str:
        """All that was written for people."""
        return "\n".join(self.texts)[:LONGEST_TEXT]


def take_apart(raw: bytes) -> Parts:
    """Read a mail. Raises Unreadable when it is larger, deeper or in more parts than any report has reason to be."""
    if len(raw) > LARGEST:
        raise Unreadable("too_large")
    try:
        message = message_from_bytes(raw, policy=policy.compat32)
        parts = _sorted(message)
        inside = None if parts.reports or parts.feedback else _wrapped(message)
        parts = _sorted(inside) if inside else parts
    except RecursionError as error:
        raise Unreadable("too_deep") from error
    return parts


def _sorted(message: Message) -> Parts:
    parts = Parts(message)
    for count, (depth, part) in enumerate(_walk(message)):
        if depth > DEEPEST or count >= MOST_PARTS:
            raise Unreadable("too_many_parts")
        _sort_in(part, parts)
    return parts


def _wrapped(message: Message) -> Message | None:
    """A report that a gateway put into a mail of its own."""
    for _, part in _walk(message):
        payload = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(payload, list) and payload:
            inside = payload[0]
            return inside if isinstance(inside, Message) and inside.get_content_type() == "multipart/report" else None
    return None


def readable_header(message: Message, name: str) -> str:
    """A header without its encoding (RFC 2047), on one line."""
    found = message.get(name)
    if found is None:
        return ""
    text = str(found)[:LONGEST_HEADER]
    try:
        pieces = decode_header(text)
    except (ValueError, MessageError):
        return " ".join(text.split())
    return " ".join("".join(_decoded(piece, charset) for piece, charset in pieces).split())


def _walk(message: Message, depth: int = 0) -> Iterator[tuple[int, Message]]:
    """The parts outside of the returned mail: what somebody wrote there is no report."""
    waiting = [(depth, message)]
    while waiting:
        depth, part = waiting.pop()
        yield depth, part
        kind = part.get_content_type()
        if part.is_multipart() and kind not in ORIGINALS and kind not in REPORTS and depth <= DEEPEST:
            inside = part.get_payload()
            children = [one for one in inside if isinstance(one, Message)] if isinstance(inside, list) else []
            waiting += [(depth + 1, child) for child in reversed(children)]


def _sort_in(part: Message, parts: Parts) -> None:
    kind = part.get_content_type()
    if kind in REPORTS:
        parts.reports.append(_flat(part))
    elif kind == FEEDBACK:
        parts.feedback.append(_flat(part))
    elif kind in ORIGINALS:
        parts.originals.append(_flat(part))
    elif not part.is_multipart() and part.get_content_maintype() in {"text", "message"}:
        text = _text(part)
        parts.texts.append(_without_tags(text) if "html" in kind or "<html" in text[:2000].lower() else text)


def _flat(part: Message) -> str:
    """A part whose payload Python has read as messages of their own, as text again: only headers matter in them."""
    payload = part.get_payload()
    if not isinstance(payload, list):
        return _text(part)
    blocks = []
    for block in (one for one in payload[:MOST_PARTS] if isinstance(one, Message)):
        lines = [f"{name}: {' '.join(str(value).split())}" for name, value in block.items()]
        inside = block.get_payload()
        blocks.append("\n".join(lines) + (f"\n\n{inside}" if isinstance(inside, str) else ""))
    return "\n\n".join(blocks)[:LONGEST_TEXT]


def _text(part: Message) -> str:
    try:
        raw = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        raw = None
    if not isinstance(raw, bytes):
        payload = part.get_payload()
        return payload[:LONGEST_TEXT] if isinstance(payload, str) else ""
    try:
        charset = part.get_content_charset()
    except (LookupError, ValueError):
        charset = None
    return _decoded(raw[:LONGEST_TEXT], charset)


def _decoded(raw: bytes | str, charset: str | None) -> str:
    if isinstance(raw, str):
        return raw
    for name in (charset or "utf-8", "utf-8"):
        try:
            return raw.decode(name)
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1")


def _without_tags(text: str) -> str:
    return unescape(_TAG.sub(" ", text))
