"""Text as it may stand in the headers of a mail: on one line, and as encoded words (RFC 2047), by hand.

The library's message class needs a hundred times as long, and some of its versions turn an encoded word that a person
typed into a real header line. It serves as the oracle of the tests.
"""

import re
from base64 import b64encode
from functools import lru_cache

# C0, DEL, C1, line and paragraph separators, and the signs that turn the direction of writing: not for headers.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")
# Words of ASCII that need no encoding.
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~ -]*")
_PLAIN = re.compile(r"[!-~]{1,60}(?: [!-~]{1,60})*")

LONGEST_VALUE = 500
LONGEST_NAME = 100
LINE = 76
# 42 bytes are 56 characters of base64: with `=?utf-8?b?`, `?=` and the name of the header a line stays below 78.
WORD_BYTES = 42


def one_line(text: str, *, longest: int = LONGEST_VALUE) -> str:
    """A header value that can neither end its line nor change how others are read.

    `=?` is parted by an invisible joiner: some libraries decode a second time what was decoded already.
    """
    if text.isascii() and text.isprintable() and "=?" not in text and "  " not in text:
        return text.strip()[:longest]
    return " ".join(_UNFIT.sub(" ", text).split()).replace("=?", "=\u2060?")[:longest]


def unstructured(text: str) -> str:
    """A subject: as it is when it is short plain ASCII, else encoded words, folded."""
    line = one_line(text)
    if not line:
        return ""
    if _PLAIN.fullmatch(line):
        return _folded(line)
    return _words(line)


@lru_cache(maxsize=256)
def phrase(name: str) -> str:
    """A display name before an address (RFC 5322 section 3.4)."""
    line = one_line(name, longest=LONGEST_NAME)
    if _ATOMS.fullmatch(line):
        return line
    if line.isascii():
        escaped = line.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return _words(line)


def _words(line: str) -> str:
    raw, words = line.encode(), []
    while raw:
        end = WORD_BYTES
        # A character may not be torn in two (RFC 2047 section 5); bytes that go on with one begin with the bits 10.
        while end < len(raw) and raw[end] & 0xC0 == 0x80:  # noqa: PLR2004
            end -= 1
        words.append(f"=?utf-8?b?{b64encode(raw[:end]).decode()}?=")
        raw = raw[end:]
    return "\r\n ".join(words)


def _folded(line: str) -> str:
    """Break before blanks so that lines stay short; the blank stays, so unfolding gives the same text."""
    lines = [""]
    for word in line.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= LINE - len("Subject: "):
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return "\r\n ".join(lines)
