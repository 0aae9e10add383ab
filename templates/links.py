"""Finds the addresses in a mail, refuses unsafe ones and puts numbered slots where readers will click."""

import re
from html import escape, unescape

from core.errors import WrongInput
from core.sentences import say
from templates.filters import is_web_address
from templates.markup import Kind, Token, tokens
from templates.places import place
from templates.source import MARK, Marked, TagKind, each_mark, line_of, mark, marks
from templates.vocabulary import Vocabulary

_URL_ATTRIBUTE = re.compile(r"(?<=\s)(href|src|background)(\s*=\s*)(\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"(?:mailto:[\w.+-]+@[\w.-]+(?:\?[\w.=&%+-]*)?|tel:\+?[\d-]{3,20}|#[\w.-]*)")
_IN_TEXT = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_AFTER_URL = ".,;:!?)]}'"


class Links:
    """The targets of one mail, numbered in the order in which they first stand."""

    def __init__(self, marked: Marked, *, vocabulary: Vocabulary, part: str) -> None:
        self.marked = marked
        self.vocabulary = vocabulary
        self.part = part
        self.targets: list[str] = []
        self.uncounted: list[str] = []

    def in_html(self, html: str) -> str:
        """The same document, with slots for the targets of its links, in comments for Outlook too."""
        return "".join(self._in_token(piece) for piece in tokens(html))

    def in_text(self, text: str) -> str:
        """The same plain text, with slots for its web addresses."""
        return _IN_TEXT.sub(self._in_words, text)

    def _in_token(self, piece: Token) -> str:
        if piece.kind not in {Kind.START, Kind.COMMENT} or "=" not in piece.text:
            return piece.text
        clickable = piece.kind is Kind.COMMENT or piece.name in {"a", "area"}
        return _URL_ATTRIBUTE.sub(lambda found: self._in_attribute(found, clickable=clickable), piece.text)

    def _in_attribute(self, found: re.Match[str], *, clickable: bool) -> str:
        name, value = found[1].lower(), unescape(found[3][1:-1]).strip()
        if name == "href" and not clickable:
            return found[0]
        address = self.address(value) if name == "href" else self._picture(value)
        return f'{found[1]}="{address}"'

    def _in_words(self, found: re.Match[str]) -> str:
        address = found[0]
        for number in marks(address):
            if self.marked.tags[number].kind is TagKind.BLOCK:
                address = address[: address.index(mark(number))]
                break
        address = address.rstrip(_AFTER_URL)
        return self.address(address, quoted=False) + found[0][len(address) :]

    def address(self, value: str, *, quoted: bool = True) -> str:
        """What to write for one clickable address."""
        if marks(value):
            return self._merged(value, quoted=quoted)
        if quoted and _OTHER_SCHEME.fullmatch(value):
            return escape(value)
        self._require_safe(value, value)
        return self.slot(value)

    def slot(self, target: str) -> str:
        """A mark where the address for this target will stand."""
        if target not in self.targets:
            self.targets.append(target)
        return self.marked.add(f"url_{self.targets.index(target)}")

    def _picture(self, value: str) -> str:
        if marks(value):
            return self._merged(value, counted=False)
        self._require_safe(value, value)
        return escape(value)

    def _merged(self, value: str, *, quoted: bool = True, counted: bool = True) -> str:
        """An address that differs from recipient to recipient: values become parts of it, never more than that."""
        numbers = marks(value)
        self._refuse_blocks(numbers)
        if MARK.fullmatch(value):
            expression = self.marked.tags[numbers[0]].inside
            if expression in self.vocabulary.urls:
                return value
            whole = self.marked.wrap(numbers[0], "whole_url")
            self._note(expression, counted=counted)
            return whole
        host = re.match(r"https?://[^/?#\ue000]+[/?#]", value, re.IGNORECASE)
        readable = each_mark(value, lambda number: str(self.marked.tags[number]))
        if host is None:
            raise self._unsafe(readable, value)
        self._require_safe(MARK.sub("x", value), value)
        self._note(readable, counted=counted)
        wrapped = each_mark(value, lambda number: self.marked.wrap(number, "url_part"))
        return escape(wrapped) if quoted else wrapped

    def _note(self, address: str, *, counted: bool) -> None:
        if counted:
            self.uncounted.append(address)

    def _refuse_blocks(self, numbers: list[int]) -> None:
        for number in numbers:
            tag = self.marked.tags[number]
            if tag.kind is TagKind.BLOCK:
                raise WrongInput(
                    "condition_in_link",
                    say("A condition stands inside an address."),
                    say("Write two links and put the condition around them."),
                    place(self.part, tag.line),
                )

    def _require_safe(self, address: str, value: str) -> None:
        if not is_web_address(address):
            raise self._unsafe(address, value)

    def _unsafe(self, address: str, value: str) -> WrongInput:
        numbers = marks(value)
        line = self.marked.tags[numbers[0]].line if numbers else line_of(self.marked.text, escape(value, quote=False))
        return WrongInput(
            "link_unsafe",
            say("%(address)s is no address that a mail may lead to.", address=repr(address[:200])),
            say("Write it in full, beginning with https:// and the name of the site."),
            place(self.part, line),
        )
