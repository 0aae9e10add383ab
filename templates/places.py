"""Where in a template something stands, as people find it: the part and its line."""

from core.sentences import Sentence, say

_PARTS = {
    "subject": say("subject"),
    "preheader": say("preheader"),
    "body": say("body"),
    "text": say("text"),
}


def named(part: str) -> str:
    """A part as a place of its own."""
    return _PARTS.get(part, part)


def place(part: str, line: int) -> Sentence:
    """`body, line 3`. Programs read this too, so the English part is the name of the field."""
    return say("%(part)s, line %(line)s", part=_PARTS.get(part, part), line=line)
