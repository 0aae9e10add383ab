"""Sentences for people, made far below the pages, where nobody knows who will read them and in which language."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Self

_PACKED = '{"words": '


class Sentence(str):
    """An English sentence that remembers its words and values, so that a page can say it in another language."""

    __slots__ = ("values", "words")

    words: str
    values: dict[str, Any]


class Count(int):
    """How many: 1,234 in an English sentence, 1.234 in a German one. Numbers that are names stay plain numbers."""

    def __str__(self) -> str:
        return f"{int(self):,}"


class Share(float):
    """Percent: 0.25 % in an English sentence, 0,25 % in a German one; with so many digits, else as many as it has."""

    digits: int | None

    def __new__(cls, value: float, digits: int | None = None) -> Self:
        """Percent of something, as they are shown."""
        made = super().__new__(cls, value)
        made.digits = digits
        return made

    @property
    def written(self) -> str:
        """The number as English has it, without its sign."""
        value = float(self)
        return f"{value:g}" if self.digits is None else f"{value:.{self.digits}f}"

    def __str__(self) -> str:
        return f"{self.written} %"


def say(words: str, /, **values: Any) -> Sentence:
    """A sentence. `words` is a literal with places like `%(name)s`: it is the key in the catalogue of translations.

    A value may be a sentence too; it is said in the same language.
    """
    sentence = Sentence(words % values if values else words)
    sentence.words, sentence.values = words, values
    return sentence


def joined(parts: Iterable[str], *, by: str = ", ") -> Sentence:
    """Sentences or parts of them one after the other, each still to be said in the language of whoever reads them."""
    numbered = {f"part_{number}": part for number, part in enumerate(parts)}
    return say(by.join(f"%({name})s" for name in numbered), **numbered)


def kept(text: str) -> Any:
    """A sentence as JSON, for one that is stored and shown later; a plain text stays as it is."""
    if not isinstance(text, Sentence):
        return text
    return {"words": text.words, "values": {name: _plain(value) for name, value in text.values.items()}}


def recalled(stored: Any) -> str:
    """What `kept` made of a sentence as a sentence again."""
    if not isinstance(stored, Mapping):
        return str(stored)
    words, values = stored["words"], stored["values"]
    return say(words, **{name: _value(one) for name, one in values.items()})


def _value(stored: Any) -> Any:
    if not isinstance(stored, Mapping):
        return stored
    if "count" in stored:
        return Count(stored["count"])
    return Share(stored["share"], stored["digits"]) if "share" in stored else recalled(stored)


def packed(text: str) -> str:
    """A sentence for a column of text."""
    return json.dumps(kept(text)) if isinstance(text, Sentence) else text


def unpacked(stored: str) -> str:
    """What `packed` put into a column of text, as a sentence again; what people wrote there stays as it is."""
    try:
        found = json.loads(stored) if stored.startswith(_PACKED) else stored
    except ValueError:
        return stored
    return recalled(found)


def _plain(value: Any) -> Any:
    match value:
        case str():
            return kept(value)
        case Count():
            return {"count": int(value)}
        case Share():
            return {"share": float(value), "digits": value.digits}
        case int() | float():
            return value
        case _:
            return str(value)
