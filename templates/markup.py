"""Reads HTML and MJML well enough to know where a tag of the template language stands, and refuses bad places."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import unescape

from core.errors import WrongInput
from core.sentences import say
from templates.places import place
from templates.source import MARK, OPEN, Marked, TagKind, marks

_RAW = "style|script|title|textarea|mj-style|mj-title|mj-preview"
_TOKEN = re.compile(
    r"<!--.*?-->"
    rf"|<(?P<raw>{_RAW})\b[^>]*?(?<!/)>.*?</(?P=raw)\s*>"
    r"|<[a-zA-Z/!?](?:\"[^\"]*\"|'[^']*'|[^'\">])*>",
    re.DOTALL | re.IGNORECASE,
)
_NAME = re.compile(r"</?\s*([a-zA-Z][\w:.-]*)")
_ATTRIBUTE = re.compile(r"([^\s=<>\"'/]+)(\s*=\s*)(\"[^\"]*\"|'[^']*')|([^\s=<>\"'/]+)(?:\s*=\s*([^\s\"'<>]+))?")

VOID = frozenset(["area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
_ACTIVE = frozenset(
    [
        "script",
        "iframe",
        "frame",
        "object",
        "embed",
        "applet",
        "base",
        "form",
        "input",
        "button",
        "select",
        "textarea",
        "svg",
        "math",
        "link",
    ]
)
_BAD_STYLE = re.compile(r"@import|expression\s*\(|behavior\s*:|-moz-binding|javascript:", re.IGNORECASE)


class Kind(StrEnum):
    """What a piece of markup is. `raw` is an element whose content is no markup, such as style or title."""

    TEXT = "text"
    START = "start"
    END = "end"
    COMMENT = "comment"
    RAW = "raw"


@dataclass(frozen=True)
class Token:
    """One piece of markup, exactly as it is written, and where it begins."""

    kind: Kind
    text: str
    at: int

    @property
    def name(self) -> str:
        """The element, in small letters; empty for text and comments."""
        found = _NAME.match(self.text) if self.kind in {Kind.START, Kind.END, Kind.RAW} else None
        return found[1].lower() if found else ""

    @property
    def closes_itself(self) -> bool:
        """Whether no end tag follows."""
        return self.name in VOID or self.text.endswith("/>")

    def attributes(self) -> Iterator[tuple[str, str]]:
        """Names in small letters and values without quotes, still with entities."""
        for found in _ATTRIBUTE.finditer(self._inner()):
            quoted = found[3]
            yield (found[1] or found[4]).lower(), quoted[1:-1] if quoted else (found[5] or "")

    def attribute(self, name: str) -> str | None:
        """One attribute with its entities resolved."""
        return next((unescape(value) for found, value in self.attributes() if found == name), None)

    def outside_of_values(self) -> str:
        """The tag without its quoted values: where no mark may stand."""
        return re.sub(r"\"[^\"]*\"|'[^']*'", "", self.text)

    def _inner(self) -> str:
        return _NAME.sub("", self.text, count=1).rstrip(">").rstrip("/")


def tokens(text: str) -> list[Token]:
    """All pieces in order; joined they are the text again."""
    found: list[Token] = []
    position = 0
    for piece in _TOKEN.finditer(text):
        if piece.start() > position:
            found.append(Token(Kind.TEXT, text[position : piece.start()], position))
        found.append(Token(_kind(piece), piece[0], piece.start()))
        position = piece.end()
    if position < len(text):
        found.append(Token(Kind.TEXT, text[position:], position))
    return found


def _kind(piece: re.Match[str]) -> Kind:
    if piece["raw"]:
        return Kind.RAW
    if piece[0].startswith(("<!", "<?")):
        return Kind.COMMENT
    return Kind.END if piece[0].startswith("</") else Kind.START


def check_places(marked: Marked, *, part: str) -> None:
    """Refuse active content, and tags of the template language where they cannot be made safe."""
    for piece in tokens(marked.text):
        line = marked.text.count("\n", 0, piece.at) + 1
        problem = _problem(piece)
        if problem:
            raise WrongInput(*problem, where=place(part, line))
    check_branches(marked, part=part)


def check_branches(marked: Marked, *, part: str) -> None:
    """Refuse a condition or loop that covers a part of an element."""
    _Branches(marked, part=part).walk(tokens(marked.text))


def _problem(piece: Token) -> tuple[str, str, str] | None:
    if piece.kind is Kind.TEXT:
        open_tag = re.search(f"<[a-zA-Z/!?{OPEN}][^\\s<{OPEN}]*", piece.text)
        if not open_tag:
            return None
        return "markup_broken", say("The tag %(tag)s does not end.", tag=repr(open_tag[0])), say("Close it with >.")
    if piece.name in _ACTIVE:
        return (
            "active_content",
            say("Mails may not have <%(tag)s>.", tag=piece.name),
            say("Mail programs drop it; remove it."),
        )
    if piece.name in {"style", "mj-style"} and (MARK.search(piece.text) or _BAD_STYLE.search(piece.text)):
        return "style_not_allowed", say("A style may merge nothing and import nothing."), say("Write the style out.")
    return _attribute_problem(piece) if piece.kind is Kind.START else None


def _attribute_problem(piece: Token) -> tuple[str, str, str] | None:
    if MARK.search(piece.outside_of_values()):
        return (
            "tag_in_tag",
            say("A merge field or condition stands inside <%(tag)s>, outside of a quoted value.", tag=piece.name),
            say("Put it between the quotes of an attribute, or around the whole element."),
        )
    for name, value in piece.attributes():
        if name.startswith("on") or name in {"srcdoc", "formaction"}:
            return "active_content", say("Mails may not have the attribute %(name)s.", name=name), say("Remove it.")
        if name == "style" and (MARK.search(value) or _BAD_STYLE.search(unescape(value))):
            remedy = say("Put a condition around the whole element.")
            return "style_not_allowed", say("A style may merge nothing."), remedy
    if piece.name == "meta" and "refresh" in (piece.attribute("http-equiv") or "").lower():
        return "active_content", say("Mails may not send readers elsewhere."), say("Remove the refresh.")
    return None


class _Branches:
    """Sees to it that what stands between `if` and `endif` is whole: elements that begin there end there.

    Half an element in a branch is what HTML parsers repair, each in its own way, and a mail broken for one recipient
    in a thousand is found by that recipient.
    """

    def __init__(self, marked: Marked, *, part: str) -> None:
        self.marked = marked
        self.part = part
        self.elements: list[tuple[str, int]] = []
        self.opened: list[object] = []

    def walk(self, pieces: list[Token]) -> None:
        """Refuse the first branch that is not whole."""
        for number, piece in enumerate(pieces):
            if piece.kind is Kind.TEXT:
                self._blocks(piece.text, inside=tuple(self.elements))
            elif piece.kind is Kind.START:
                for index, (_, value) in enumerate(piece.attributes()):
                    self._blocks(value, inside=(number, index))
                self._enter(piece, number)
            elif piece.kind is Kind.END:
                self._leave(piece)
            else:
                self._blocks(piece.text, inside=number)

    def _enter(self, piece: Token, number: int) -> None:
        if not piece.closes_itself:
            self.elements.append((piece.name, number))

    def _leave(self, piece: Token) -> None:
        names = [name for name, _ in self.elements]
        if piece.name in names:
            del self.elements[len(names) - 1 - names[::-1].index(piece.name) :]

    def _blocks(self, text: str, *, inside: object) -> None:
        for number in marks(text):
            tag = self.marked.tags[number]
            if tag.kind is not TagKind.BLOCK:
                continue
            if tag.keyword in {"if", "for"}:
                self.opened.append(inside)
                continue
            if not self.opened or self.opened[-1] != inside:
                raise WrongInput(
                    "branch_not_whole",
                    say(
                        "What stands before {%% %(keyword)s %%} does not close all that it opens, or closes more.",
                        keyword=tag.keyword,
                    ),
                    say("Let each branch of a condition close exactly what it opens."),
                    place(self.part, tag.line),
                )
            if tag.keyword.startswith("end"):
                self.opened.pop()
