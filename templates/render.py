"""Turns a compiled wording into the mail of one recipient."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from jinja2 import Template

from core.errors import WrongInput
from core.sentences import say
from templates.compiled import Compiled, Quoted, Rendered, Urls
from templates.quoted import QUOTED_HTML, QUOTED_PLAIN, Values, merge, quoted, ready, whole
from templates.sandbox import HTML, PLAIN
from templates.vocabulary import RENEW

LARGEST_OUTPUT = 512 * 1024
LONGEST_SUBJECT = 500
# After so many pieces the size is looked at: a template cannot use up the memory before that.
AT_ONCE = 256


def render(compiled: Compiled, *, values: Mapping[str, Any], urls: Urls) -> Rendered:
    """The mail for one recipient.

    `values`: `contact` as a plain dict of the fields in `Compiled.fields`, `basis` (`consent` or `existing_customer`),
    and what a transactional mail names besides. Raises WrongInput when the output passes 512 KB.
    """
    subject, html, text = _templates(compiled)
    merged = {**compiled.constants, **values, **_addresses(urls)}
    return Rendered(
        subject=one_line(_write(subject, merged)),
        html=_write(html, merged),
        text=_write(text, merged).lstrip("\n"),
    )


def render_quoted(compiled: Compiled, *, values: Mapping[str, Any], urls: Urls) -> Quoted:
    """The same mail as it travels, without the way over its readable form."""
    subject, html, text = _compile_quoted(compiled.digest, compiled.subject, compiled.html, compiled.text)
    addresses = _addresses(urls)
    in_text, in_html = ready(addresses, plain=urls.plain)
    merged = Values({**compiled.constants, **values, **addresses, **in_html})
    head, body = _sized(merge(subject, merged)), _sized(merge(html, merged))
    if in_text is not in_html:
        merged.update(in_text)
    return Quoted(
        subject=one_line("".join(head)),
        html=whole(body),
        text=whole(_sized(merge(text, merged))).lstrip(b"\r\n") or b"\r\n",
    )


def as_quoted(rendered: Rendered) -> Quoted:
    """A mail that was rendered before, as it travels."""
    html, text = whole([quoted(rendered.html)]), whole([quoted(rendered.text)])
    return Quoted(subject=rendered.subject, html=html, text=text)


def one_line(text: str) -> str:
    """A header value that cannot begin another header.

    `=?` is parted by an invisible joiner, because some mail libraries decode encoded words that people typed and would
    make new header lines of what stands in them (measured with Python 3.11.7).
    """
    return " ".join(text.split()).replace("=?", "=\u2060?")[:LONGEST_SUBJECT]


def _templates(compiled: Compiled) -> tuple[Template, Template, Template]:
    return _compile(compiled.digest, compiled.subject, compiled.html, compiled.text)


@lru_cache(maxsize=256)
def _compile(digest: bytes, subject: str, html: str, text: str) -> tuple[Template, Template, Template]:  # noqa: ARG001
    return PLAIN.from_string(subject), HTML.from_string(html), PLAIN.from_string(text)


@lru_cache(maxsize=256)
def _compile_quoted(digest: bytes, subject: str, html: str, text: str) -> tuple[Template, Template, Template]:  # noqa: ARG001
    return PLAIN.from_string(subject), QUOTED_HTML.from_string(html), QUOTED_PLAIN.from_string(text)


def _addresses(urls: Urls) -> dict[str, str | None]:
    own = (urls.unsubscribe, urls.preferences, urls.why, urls.renew, urls.pixel)
    return dict(zip(_names(len(urls.links)), (*own, *urls.links), strict=True))


@lru_cache(maxsize=64)
def _names(links: int) -> tuple[str, ...]:
    return ("unsubscribe_url", "preferences_url", "why_url", RENEW, "pixel_url", *(f"url_{n}" for n in range(links)))


def _write(template: Template, values: dict[str, Any]) -> str:
    return "".join(_sized(template.root_render_func(template.new_context(values, shared=True))))


def _sized(pieces: Iterable[str]) -> list[str]:
    """All pieces, as long as they are not too much together."""
    coming = iter(pieces)
    written: list[str] = []
    size = 0
    while some := list(islice(coming, AT_ONCE)):
        written.append("".join(some))
        size += len(written[-1])
        if size > LARGEST_OUTPUT:
            raise WrongInput(
                "mail_too_large",
                say("The mail would be larger than %(limit)s KB.", limit=LARGEST_OUTPUT // 1024),
                say("Shorten the template or the values that it merges."),
            )
    return written
