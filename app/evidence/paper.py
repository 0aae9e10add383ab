"""Printed pages as PDF/A-2a files, to be kept for years: the same words as the HTML page, set by one template.

The page that `printed` made is read back as a tree of headings, facts, tables and text, and the template sets that
tree. So there is one place that says what a page shows, in every language.
"""

import json
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from app.evidence.printable import printable

TEMPLATE = Path(__file__).with_name("paper.typ")

# What the template knows; other elements are looked through.
_KNOWN = frozenset(
    {"h1", "h2", "h3", "p", "dl", "dt", "dd", "section", "blockquote", "ul", "li", "a", "br", "code", "pre", "strong"}
    | {"table", "thead", "tbody", "tr", "th", "td", "details", "summary"}
)
# Between the parts of these there is only the space of the source.
_FRAMES = frozenset({"dl", "ul", "table", "thead", "tbody", "tr"})
_AS_IT_IS = frozenset({"blockquote", "pre"})

Node = dict[str, Any]


def on_paper(page: bytes, *, at: datetime) -> bytes:
    """A printed page as PDF. The same page and moment make the same bytes."""
    # Imported late: the typesetter brings its fonts along, and few processes ever print.
    import typst

    return typst.compile(
        TEMPLATE,
        root=TEMPLATE.parent,
        format="pdf",
        sys_inputs={"data": json.dumps(_tree(page))},
        pdf_standards="a-2a",
        timestamp=int(at.timestamp()),
        # The same fonts everywhere, and no way to anything that lies outside of this folder.
        ignore_system_fonts=True,
        package_path=TEMPLATE.parent,
        package_cache_path=TEMPLATE.parent,
    )


def _tree(page: bytes) -> Node:
    reader = _Reader()
    reader.feed(page.decode())
    reader.close()
    return {"title": "".join(reader.title).strip(), "language": reader.language, "inside": reader.root["inside"]}


class _Reader(HTMLParser):
    """Reads a page of ours into nested `{"tag", "inside"}`, leaving out what is for the screen only."""

    def __init__(self) -> None:
        super().__init__()
        self.language = "en"
        self.title: list[str] = []
        self.root: Node = {"tag": "main", "inside": []}
        self._open: list[Node] = [self.root]
        self._in_title = self._in_main = False
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        values = dict(attrs)
        if tag == "html":
            self.language = values.get("lang") or "en"
        self._in_title = tag == "title"
        self._in_main = self._in_main or tag == "main"
        if self._hidden or values.get("class") == "screen":
            self._hidden += tag != "br"
        elif self._in_main and tag in _KNOWN:
            node: Node = {"tag": tag, "inside": []}
            if tag == "a" and (values.get("href") or "").startswith("proofs/"):
                node["file"] = printable(values["href"] or "")
            self._open[-1]["inside"].append(node)
            if tag != "br":
                self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        self._in_title = False
        if self._hidden:
            self._hidden -= 1
        elif self._in_main and tag in _KNOWN:
            self._open.pop()
        if tag == "main":
            self._in_main = False

    def handle_data(self, data: str) -> None:
        """Take text; spaces count as HTML counts them."""
        if self._in_title:
            self.title.append(printable(" ".join(data.split())))
        if not self._in_main or self._hidden or self._open[-1]["tag"] in _FRAMES:
            return
        if any(node["tag"] in _AS_IT_IS for node in self._open):
            self._open[-1]["inside"].append(printable(data))
            return
        words = " ".join(data.split())
        before, after = data[:1].isspace(), data[-1:].isspace()
        if words or before:
            self._open[-1]["inside"].append(printable(" " * before + words + " " * (after and bool(words))))
