"""Sentences for people, made far below the pages, where nobody knows who will read them and in which language."""

from typing import Any


class Sentence(str):
    """An English sentence that remembers its words and values, so that a page can say it in another language."""

    __slots__ = ("values", "words")

    words: str
    values: dict[str, Any]


def say(words: str, /, **values: Any) -> Sentence:
    """A sentence. `words` is a literal with places like `%(name)s`: it is the key in the catalogue of translations."""
    sentence = Sentence(words % values if values else words)
    sentence.words, sentence.values = words, values
    return sentence
