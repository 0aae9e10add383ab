"""What the lists of the United States and Canada have in common: area code and seven digits, as CSV or XML."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.parsers import expat

from core.sentences import say
from suppression.lists.adapter import broken
from suppression.lists.phones import phone_digest
from suppression.lists.text import lines

# A North American number: neither area code nor exchange begins with 0 or 1.
AREA = re.compile(r"[2-9]\d{2}")
LOCAL = re.compile(r"[2-9]\d{6}")
_PLAIN = re.compile(r"([2-9]\d{2}),([2-9]\d{6})")
READ = 1 << 16


def number_digest(area: str, local: str) -> bytes:
    """The stored form of a number."""
    return phone_digest(f"+1{area}{local}")


def from_csv(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    """A full list: `416,2345678` in each line."""
    for number, text in lines(path, file, encoding="ascii"):
        found = _PLAIN.fullmatch(text)
        if found is None:
            raise broken(path, number, say("A line is not an area code and seven digits."))
        yield number_digest(*found.groups())


def from_xml(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    """A full list: `list`, in it `ac` with the area code as `val`, in it `ph` with the number as `val`.

    Read in pieces, so that memory does not grow. Declarations of types and entities, which no such list has, are
    refused: they could make a small file endless.
    """
    tree = _Tree(path)
    try:
        while piece := file.read(READ):
            tree.parser.Parse(piece, False)
            yield from tree.take()
        tree.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise broken(path, error.lineno, say("The XML ends too early or is damaged.")) from error
    yield from tree.take()


class _Tree:
    """Walks through the tags and collects numbers. Anything besides the three tags in their order is refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.area = ""
        self.open: list[str] = []
        self.found: list[bytes] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._words
        self.parser.StartDoctypeDeclHandler = self._declared

    def take(self) -> list[bytes]:
        """The numbers since the last call."""
        found, self.found = self.found, []
        return found

    def _start(self, tag: str, values: dict[str, str]) -> None:
        self.open.append(tag)
        value = values.get("val", "")
        match self.open:
            case ["list"] if values.get("type", "full").lower() == "full":
                pass
            case ["list", "ac"] if AREA.fullmatch(value):
                self.area = value
            case ["list", "ac", "ph"] if LOCAL.fullmatch(value):
                self.found.append(number_digest(self.area, value))
            case _:
                raise self._refused(say("The tag %(tag)s does not belong there or has a wrong value.", tag=tag))

    def _end(self, _tag: str) -> None:
        self.open.pop()

    def _words(self, words: str) -> None:
        if words.strip():
            raise self._refused(say("There is text between the tags."))

    def _declared(self, *_: object) -> None:
        raise self._refused(say("The XML declares types or entities of its own."))

    def _refused(self, why: str) -> Exception:
        return broken(self.path, self.parser.CurrentLineNumber, why)


def is_xml(first: str) -> bool:
    """Whether a file that begins so is XML."""
    return first.lstrip().startswith("<")
