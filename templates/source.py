"""Takes the tags of the template language out of a text and puts them back.

No HTML parser may ever see `{% if a < b %}`: it would take the comparison for a tag, and it moves what it does not
expect between the rows of a table out in front of it, after which a condition silently covers nothing. So every tag is
replaced by a mark made of two private-use characters and a number, and only marks travel through the parsers.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from jinja2 import TemplateSyntaxError

from core.errors import WrongInput
from core.sentences import say
from templates.grammar import not_understood
from templates.places import named, place
from templates.sandbox import PLAIN

OPEN, CLOSE = "\ue000", "\ue001"
MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")

# A brace before a mark counts too: the tag that the mark stands for begins with another.
_STARTS_A_TAG = re.compile(f"{{(?=[{{%#{OPEN}])")


class TagKind(StrEnum):
    """What a tag does."""

    PRINT = "print"
    BLOCK = "block"


@dataclass(frozen=True)
class Tag:
    """One `{{ ... }}` or `{% ... %}`: the words inside, and its line."""

    kind: TagKind
    inside: str
    line: int

    @property
    def keyword(self) -> str:
        """`if`, `else`, `endfor`, ...; empty for a printed value."""
        return self.inside.split(maxsplit=1)[0] if self.kind is TagKind.BLOCK else ""

    def __str__(self) -> str:
        return f"{{{{ {self.inside} }}}}" if self.kind is TagKind.PRINT else f"{{% {self.inside} %}}"


@dataclass
class Marked:
    """A text with marks, and the tags they stand for."""

    text: str
    tags: list[Tag]

    def add(self, inside: str) -> str:
        """A mark for one more printed value."""
        self.tags.append(Tag(TagKind.PRINT, inside, 0))
        return mark(len(self.tags) - 1)

    def wrap(self, number: int, filter_name: str) -> str:
        """A mark for the printed value `number`, sent through a filter."""
        return self.add(f"({self.tags[number].inside})|{filter_name}")

    def prints(self, number: int) -> str | None:
        """The expression that mark `number` prints; None for a block."""
        tag = self.tags[number]
        return tag.inside if tag.kind is TagKind.PRINT else None

    def restored(self, text: str) -> str:
        """`text` as template source: what looks like a tag is made harmless first, then marks become tags."""
        return MARK.sub(lambda found: str(self.tags[int(found[1])]), literal(text))


def mark(number: int) -> str:
    """What stands for tag `number`."""
    return f"{OPEN}{number}{CLOSE}"


def marks(text: str) -> list[int]:
    """The numbers of all marks, in order."""
    return [int(number) for number in MARK.findall(text)]


def literal(text: str) -> str:
    """Text that the template language prints as it is, even where it has two braces in a row."""
    return _STARTS_A_TAG.sub("{{ '{' }}", text)


def each_mark(text: str, replace: Callable[[int], str]) -> str:
    """`text` with every mark replaced."""
    return MARK.sub(lambda found: replace(int(found[1])), text)


def take_tags_out(source: str, *, part: str) -> Marked:
    """Replace every tag by a mark; comments of the template language are dropped."""
    if OPEN in source or CLOSE in source:
        raise WrongInput(
            "character_not_allowed",
            say("This text has characters of a private area."),
            say("Remove them."),
            named(part),
        )
    tags: list[Tag] = []
    written: list[str] = []
    inside: list[str] | None = None
    try:
        for line, kind, value in PLAIN.lex(source):
            match kind:
                case "variable_begin" | "block_begin" | "comment_begin":
                    inside = []
                case "variable_end" | "block_end":
                    tags.append(Tag(TagKind(_KINDS[kind]), "".join(inside or ()).strip(), line))
                    written.append(mark(len(tags) - 1))
                    inside = None
                case "comment_end":
                    inside = None
                case _:
                    (written if inside is None else inside).append(value)
    except TemplateSyntaxError as error:
        raise WrongInput("template_syntax", not_understood(error.message), where=place(part, error.lineno)) from error
    return Marked("".join(written), tags)


_KINDS = {"variable_end": "print", "block_end": "block"}


def line_of(source: str, piece: str) -> int:
    """The line on which a piece of text first stands; 1 when a parser has rewritten it beyond recognition."""
    at = source.find(piece)
    return source.count("\n", 0, at) + 1 if at >= 0 else 1
