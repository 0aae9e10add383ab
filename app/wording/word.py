"""A code in plain language."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A code in plain language. `tone` is the colour of its badge; `meaning` the sentence behind it."""

    label: str
    tone: str = "secondary"
    meaning: str = ""
