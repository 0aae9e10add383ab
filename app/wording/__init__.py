"""What stable codes mean, in the reader's language: verdicts, reasons, states, events, roles."""

from flask import Flask
from flask_babel import gettext
from jinja2 import pass_context
from jinja2.runtime import Context

from app.wording import house, mail, people
from app.wording.word import Word
from contacts import LACKING

__all__ = ["RELEASED", "WORDS", "Word", "install", "lacking", "word"]

# How a decision marks a reason that compliance let pass.
RELEASED = ":released"

WORDS = mail.WORDS | people.WORDS | house.WORDS


def install(app: Flask) -> None:
    """Give pages the filters `word` (`{{ code | word("reason") }}` answers a Word) and `lacking`."""
    app.jinja_env.filters["word"] = word
    app.jinja_env.filters["lacking"] = lacking


@pass_context
def lacking(_context: Context, code: str) -> str:
    """What the evidence of a consent lacks, as a sentence.

    With the context, because a page that names a code itself would have its sentence in English for good otherwise.
    """
    return LACKING.get(code, code)


def word(code: object, kind: str) -> Word:
    """What a code means; a code that we do not know stands for itself."""
    text = str(getattr(code, "value", code))
    if text.endswith(RELEASED):
        plain = word(text.removesuffix(RELEASED), kind)
        return Word(f"{plain.label} ✓", "teal", gettext("%(why)s Compliance released this hold.", why=plain.meaning))
    return WORDS[kind].get(text) or Word(text.replace("_", " "))
