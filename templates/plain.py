"""Makes the text part of a mail from its HTML, keeping the addresses of links."""

import re
from html import unescape

from templates.markup import Kind, Token, tokens
from templates.source import MARK

_NEW_LINE = frozenset(
    [
        "p",
        "div",
        "tr",
        "table",
        "ul",
        "ol",
        "li",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "section",
        "article",
        "header",
        "footer",
        "blockquote",
        "hr",
        "br",
        "pre",
    ]
)
_PARAGRAPH = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote"])
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)


class _Writer:
    """Collects words and line breaks while it walks over the markup."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.links: list[tuple[str, int]] = []
        self.hidden: list[str] = []

    def take(self, piece: Token) -> None:
        """One more piece of markup."""
        if self.hidden:
            self._skip(piece)
        elif piece.kind is Kind.TEXT:
            self.written.append(re.sub(r"[ \t\r\n]+", " ", unescape(piece.text)))
        elif piece.kind is Kind.START:
            self._start(piece)
        elif piece.kind is Kind.END:
            self._end(piece.name)

    def _skip(self, piece: Token) -> None:
        if piece.kind is Kind.START and not piece.closes_itself:
            self.hidden.append(piece.name)
        elif piece.kind is Kind.END and piece.name in self.hidden:
            while self.hidden.pop() != piece.name:
                pass

    def _start(self, piece: Token) -> None:
        if _HIDDEN.search(piece.attribute("style") or "") and not piece.closes_itself:
            self.hidden.append(piece.name)
            return
        if piece.name in _NEW_LINE:
            self._break(piece.name)
        if piece.name == "li":
            self.written.append("- ")
        elif piece.name == "img":
            self.written.append(piece.attribute("alt") or "")
        elif piece.name == "a":
            self.links.append((piece.attribute("href") or "", len(self.written)))

    def _end(self, name: str) -> None:
        if name == "a" and self.links:
            self._close_link(*self.links.pop())
        elif name in {"td", "th"}:
            self.written.append(" ")
        elif name in _NEW_LINE:
            self._break(name)

    def _close_link(self, address: str, begun: int) -> None:
        label = "".join(self.written[begun:]).strip()
        target = address.removeprefix("mailto:").removeprefix("tel:")
        if target and target != label and not address.startswith("#"):
            # RFC 3986, appendix C: angle brackets part an address from the text around it.
            self.written.append(f" <{target}>" if label else f"<{target}>")

    def _break(self, name: str) -> None:
        self.written.append("\n\n" if name in _PARAGRAPH else "\n")


def to_text(html: str) -> str:
    """The words of an HTML document in reading order, marks included."""
    writer = _Writer()
    body = html[match.end() :] if (match := re.search(r"<body\b[^>]*>", html, re.IGNORECASE)) else html
    for piece in tokens(body):
        writer.take(piece)
    lines = [re.sub(r" {2,}", " ", line).strip() for line in "".join(writer.written).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def words(text: str) -> int:
    """How many words there are, marks aside."""
    return len(MARK.sub(" ", text).split())
