"""Lists of `tag=value; tag=value`, the form that DKIM, DMARC, TLS-RPT, MTA-STS and BIMI share (RFC 6376, 3.2)."""

import re

# Far more than any standard defines; a record with more of them is an attack or a mistake.
MOST_TAGS = 64

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class BadTags(Exception):
    """It is no such list."""


def read_tags(text: str) -> dict[str, str]:
    """The tags of a record, by name in small letters. Raises BadTags at a repeated tag or anything else between `;`."""
    found: dict[str, str] = {}
    for part in text.split(";", MOST_TAGS + 1):
        if not part.strip():
            continue
        name, sign, value = part.partition("=")
        name = name.strip().lower()
        if not sign or not _NAME.fullmatch(name) or name in found or len(found) == MOST_TAGS:
            raise BadTags(part.strip()[:60])
        found[name] = value.strip()
    return found


def starts(text: str, version: str) -> bool:
    """Whether a record begins with this version tag: `v=DMARC1` and then `;` or nothing."""
    first = text.partition(";")[0]
    name, _, value = first.partition("=")
    return name.strip().lower() == "v" and value.strip() == version
