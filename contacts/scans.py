"""Scans of paper: only what really is a picture or a PDF, judged by its bytes and never by its name. Pure."""

from dataclasses import dataclass

from core.errors import WrongInput
from core.sentences import say

LARGEST = 10 * 1024 * 1024

# How a file of each type begins and what stands at its end (ISO 32000, RFC 2083, ITU-T T.81). Some scanners add a few
# bytes after the end, so it is looked for near it.
PDF, PNG, JPEG = "application/pdf", "image/png", "image/jpeg"
_BEGINS = {PDF: b"%PDF-", PNG: b"\x89PNG\r\n\x1a\n", JPEG: b"\xff\xd8\xff"}
_ENDS = {PDF: b"%%EOF", PNG: b"IEND\xaeB`\x82", JPEG: b"\xff\xd9"}
_NEAR = 1024

ENDINGS = {PDF: "pdf", PNG: "png", JPEG: "jpg"}


@dataclass(frozen=True)
class Scan:
    """A scan as it came, and its media type."""

    content: bytes
    type: str


def scan(content: bytes) -> Scan:
    """A file that somebody sends as a scan; WrongInput when it is too large, or neither PDF, PNG nor JPEG."""
    if len(content) > LARGEST:
        raise WrongInput(
            "scan_too_large",
            say("The scan has more than %(most)s MB.", most=LARGEST >> 20),
            say("Scan it with fewer dots per inch; 200 are enough for paper."),
            where="scan",
        )
    for kind, beginning in _BEGINS.items():
        if content.startswith(beginning) and _ENDS[kind] in content[-_NEAR:]:
            return Scan(content, kind)
    raise WrongInput(
        "scan_unknown",
        say("This file is neither a PDF nor a PNG or JPEG picture, or it is cut off."),
        say("Its name does not count, only what is in it. Scan the paper again."),
        where="scan",
    )
