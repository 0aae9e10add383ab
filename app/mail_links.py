"""The links of a mail, listed beside it, because a sandboxed frame lets nobody follow them."""

from html.parser import HTMLParser


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            target = dict(attrs).get("href") or ""
            self.inside = target.startswith(("http://", "https://"))
            if self.inside:
                self.found.append([target, ""])

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1][1] += data


def links(html: str) -> list[tuple[str, str]]:
    """Target and words of every web link, in order."""
    reader = _Reader()
    reader.feed(html)
    return [(target, " ".join(words.split()) or target) for target, words in reader.found]
