"""Turns a wording into its compiled form, once per campaign, as a list of named steps."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Protocol

from contacts.models import Controller
from core.errors import WrongInput
from core.sentences import say
from templates.compiled import Compiled
from templates.engines import to_html
from templates.footer import Footer
from templates.links import Links
from templates.markup import Kind, check_places, tokens
from templates.models import Markup
from templates.places import named, place
from templates.plain import to_text
from templates.sandbox import inspect
from templates.source import Marked, marks, take_tags_out
from templates.vocabulary import FOOTER, Vocabulary

LONGEST_SUBJECT_SOURCE = 500

_PIXEL = '{% if pixel_url %}<img src="{{ pixel_url }}" width="1" height="1" alt="">{% endif %}'
_ALONE = re.compile(r"^\{% ((?:(?!%\}).)*) %\}$", re.MULTILINE)
_NAMES_FOOTER = re.compile(rf"(?<![.\w]){FOOTER}\b")
_PREHEADER = (
    '<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden">'
)


class Wording(Protocol):
    """What people write: a template version, or a mail that is part of the program."""

    @property
    def locale(self) -> str: ...  # noqa: D102 - as in TemplateVersion
    @property
    def subject(self) -> str: ...  # noqa: D102
    @property
    def preheader(self) -> str: ...  # noqa: D102
    @property
    def markup(self) -> Markup: ...  # noqa: D102
    @property
    def body(self) -> str: ...  # noqa: D102
    @property
    def text(self) -> str | None: ...  # noqa: D102


class From(Protocol):
    """Who a mail comes from, as far as its words can say."""

    @property
    def from_name(self) -> str: ...  # noqa: D102 - as in Sender
    @property
    def from_address(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Draft:
    """A wording that is not stored yet, or one that is part of the program."""

    subject: str
    body: str
    locale: str
    preheader: str = ""
    markup: Markup = Markup.HTML
    text: str | None = None


@dataclass(frozen=True)
class Made:
    """A compiled wording, and what a check wants to know about it besides."""

    compiled: Compiled
    uncounted: tuple[str, ...]


def compile_version(
    version: Wording, *, controller: Controller, sender: From, vocabulary: Vocabulary | None = None
) -> Compiled:
    """The form of a version that the hot path needs.

    Without a vocabulary any contact field is taken: names were checked when the version was saved. Raises WrongInput
    with part and line for everything that cannot be made into a safe mail.
    """
    return make(
        version, controller=controller, sender=sender, vocabulary=vocabulary or Vocabulary(contact=None)
    ).compiled


def compile_notice(
    draft: Draft,
    *,
    controller: Controller,
    sender: From,
    texts: frozenset[str] = frozenset(),
    urls: frozenset[str] = frozenset(),
) -> Compiled:
    """An answer to what a person did: imprint, but no unsubscribe link, no counted link and no pixel.

    `texts` and `urls` name the merge fields besides `sender.*`; who asks for the mail gives their values.
    """
    vocabulary = Vocabulary(contact=frozenset(), texts=texts, urls=urls)
    return make(draft, controller=controller, sender=sender, vocabulary=vocabulary, unsubscribable=False).compiled


def make(
    wording: Wording, *, controller: Controller, sender: From, vocabulary: Vocabulary, unsubscribable: bool = True
) -> Made:
    """Every step from what people wrote to the compiled form."""
    names = check_language(wording, vocabulary=vocabulary)
    footer = Footer(
        name=controller.name,
        imprint=controller.imprint,
        privacy_url=controller.privacy_url,
        locale=wording.locale,
        unsubscribable=unsubscribable,
    )
    body = take_tags_out(wording.body, part="body")
    check_places(body, part="body")
    _require_footer_in_the_open(body, visible=_visible(body), part="body")
    built = to_html(body, markup=wording.markup, locale=wording.locale, part="body")
    links = Links(body, vocabulary=vocabulary, part="body")
    html = links.in_html(built)
    text = _text_source(wording.text, html, links=links, footer=footer)
    compiled = Compiled(
        locale=wording.locale,
        subject=_plain_source(wording.subject, part="subject"),
        html=_html_source(html, body, footer=footer, preheader=wording.preheader, counted=unsubscribable),
        text=text,
        links=tuple(links.targets),
        fields=tuple(sorted(name.removeprefix("contact.") for name in names if name.startswith("contact."))),
        constants=_constants(controller=controller, sender=sender),
        unsubscribable=unsubscribable,
        version_id=getattr(wording, "id", None),
    )
    return Made(compiled, tuple(links.uncounted))


def check_language(wording: Wording, *, vocabulary: Vocabulary) -> frozenset[str]:
    """Refuse what the sandbox must not run; answers all names that are merged."""
    if len(wording.subject) > LONGEST_SUBJECT_SOURCE:
        raise WrongInput("subject_too_long", say("The subject is too long."), say("Shorten it."), named("subject"))
    if not wording.subject.strip():
        raise WrongInput("subject_missing", say("There is no subject."), say("Write one."), named("subject"))
    parts = {"subject": wording.subject, "preheader": wording.preheader, "body": wording.body}
    if wording.text:
        parts["text"] = wording.text
    found = {part: inspect(source, vocabulary=vocabulary, part=part) for part, source in parts.items()}
    for part in ("subject", "preheader"):
        if FOOTER in found[part]:
            raise WrongInput(
                "footer_misplaced", say("The footer belongs into the body."), say("Remove it here."), named(part)
            )
    return frozenset().union(*found.values())


def _require_footer_in_the_open(marked: Marked, *, visible: frozenset[int], part: str) -> None:
    """The footer may be placed once, where every recipient sees it: outside of conditions, loops and comments."""
    depth = placed = 0
    for number in marks(marked.text):
        tag = marked.tags[number]
        depth += tag.keyword in {"if", "for"}
        depth -= tag.keyword in {"endif", "endfor"}
        if not _NAMES_FOOTER.search(tag.inside):
            continue
        placed += 1
        if tag.inside != FOOTER or depth or number not in visible or placed > 1:
            raise WrongInput(
                "footer_misplaced",
                say("The footer must stand once, by itself, and outside of conditions."),
                say("Write {{ footer }} once between elements, or leave it out: then it stands at the end."),
                place(part, tag.line),
            )


def _visible(marked: Marked) -> frozenset[int]:
    return frozenset(n for piece in tokens(marked.text) if piece.kind is Kind.TEXT for n in marks(piece.text))


def _html_source(html: str, marked: Marked, *, footer: Footer, preheader: str, counted: bool) -> str:
    """The HTML part with preheader, footer and pixel in place, as template source."""
    source = marked.restored(html)
    source, placed = _replace_footer(source, footer.html())
    below = ("" if placed else footer.html()) + (_PIXEL if counted else "")
    source = _before(source, r"</body\s*>", below)
    if preheader.strip():
        opened = _PREHEADER + _plain_source(preheader, part="preheader", html=True) + "</div>"
        source = re.sub(r"(<body\b[^>]*>)", lambda found: found[1] + opened, source, count=1, flags=re.IGNORECASE)
    return source


def _text_source(written: str | None, html: str, *, links: Links, footer: Footer) -> str:
    """The text part as template source: what was written for it, or the words of the HTML part."""
    if written is None or not written.strip():
        # A condition on a line of its own takes the break before it along, so that none leaves a gap.
        source = _ALONE.sub(r"{%- \1 %}", links.marked.restored(to_text(html)))
    else:
        marked = take_tags_out(written, part="text")
        _require_footer_in_the_open(marked, visible=frozenset(marks(marked.text)), part="text")
        own = Links(marked, vocabulary=links.vocabulary, part="text")
        own.targets = links.targets
        source = marked.restored(own.in_text(marked.text))
    source, placed = _replace_footer(source, footer.text())
    return source if placed else f"{source.rstrip()}\n{footer.text()}"


def _replace_footer(source: str, footer: str) -> tuple[str, bool]:
    before, found, after = source.partition(f"{{{{ {FOOTER} }}}}")
    return (before + footer + after, True) if found else (source, False)


def _before(source: str, pattern: str, addition: str) -> str:
    """`source` with an addition before the last match of a pattern, or at the end."""
    found = list(re.finditer(pattern, source, re.IGNORECASE))
    at = found[-1].start() if found else len(source)
    return source[:at] + addition + source[at:]


def _plain_source(written: str, *, part: str, html: bool = False) -> str:
    marked = take_tags_out(written, part=part)
    return marked.restored(escape(marked.text) if html else marked.text)


def _constants(*, controller: Controller, sender: From) -> dict[str, Mapping[str, str]]:
    return {"sender": {"name": sender.from_name, "address": sender.from_address, "company": controller.name}}
