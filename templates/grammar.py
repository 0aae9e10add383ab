"""What the parser of the template language complains of, in words that can be said in another language."""

import re

from core.sentences import Sentence, say

_UNKNOWN_TAG = re.compile(r"encountered unknown tag '(.+?)'", re.IGNORECASE).match
_TOO_EARLY = re.compile(r"unexpected end of|missing end of", re.IGNORECASE).match
_WRONG_CHARACTER = re.compile(r"unexpected char (.+) at \d+$").match
_WRONG_TOKEN = re.compile(r"expected .*, got (.+)$|unexpected (.+)$", re.IGNORECASE).match


def not_understood(message: str | None) -> Sentence:
    """A sentence for what the parser said; its own words where no other is better."""
    text = (message or "").strip().rstrip(".")
    if found := _UNKNOWN_TAG(text):
        return say("There is no tag %(name)s.", name=repr(found[1]))
    if _TOO_EARLY(text):
        return say("It ends too early: something is opened and never closed.")
    if found := _WRONG_CHARACTER(text):
        return say("%(character)s has no meaning in a tag.", character=found[1])
    if found := _WRONG_TOKEN(text):
        return say("Something else belongs where %(found)s stands.", found=found[1] or found[2])
    return say("The template language does not understand this: %(problem)s.", problem=text or "?")
