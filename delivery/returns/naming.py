"""Finding what names our message in a mail that came back. Whether it does is for `delivery.return_path` to say."""

import re

from delivery.returns.parts import Parts

MOST = 20

# Exactly the forms that we write: the return path (VERP) and the Message-ID, each with its seal.
_OURS = re.compile(rb"(?:b\+|<)\d{1,19}\.[0-9a-f]{20}@[A-Za-z0-9.-]{1,255}>?", re.IGNORECASE)
# Headers that the servers on the way back write; nearer to the envelope than anything in the body.
_ENVELOPE = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")


def names(raw: bytes, parts: Parts | None = None) -> tuple[str, ...]:
    """Every text that looks like one of our Message-IDs or return paths; the envelope first, each once."""
    found: dict[str, None] = {}
    if parts is not None:
        for header in _ENVELOPE:
            for value in parts.message.get_all(header, []):
                _collect(str(value).encode("utf-8", "replace"), found)
        for text in (*parts.feedback, *parts.originals, *parts.reports, parts.text):
            _collect(text.encode("utf-8", "replace"), found)
    _collect(raw, found)
    return tuple(found)[:MOST]


def _collect(raw: bytes, found: dict[str, None]) -> None:
    for match in _OURS.finditer(raw):
        if len(found) >= MOST:
            return
        found.setdefault(match.group(0).decode("ascii").lower())
