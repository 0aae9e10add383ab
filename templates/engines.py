"""From what people write to HTML that mail programs show: MJML, or HTML with its styles put into the elements.

Both engines are parsers that repair what they read. Around each of them the tags of the template language become
comments where text stands, and words where an attribute stands; afterwards the sequence of words and tags must be what
it was.
"""

import re
from html import unescape

import css_inline
from mjml import mjml2html

from core.errors import WrongInput
from core.sentences import say
from templates.markup import Kind, Token, check_branches, tokens
from templates.models import Markup
from templates.places import named, place
from templates.source import MARK, Marked, line_of, mark, marks

_HELD = re.compile(r"<!--crusoe:(\d+)-->|crusoe(\d+)held")

MJML_TAGS = frozenset(
    [
        "mjml",
        "mj-head",
        "mj-attributes",
        "mj-all",
        "mj-class",
        "mj-breakpoint",
        "mj-font",
        "mj-html-attributes",
        "mj-selector",
        "mj-html-attribute",
        "mj-preview",
        "mj-style",
        "mj-title",
        "mj-body",
        "mj-accordion",
        "mj-accordion-element",
        "mj-accordion-title",
        "mj-accordion-text",
        "mj-button",
        "mj-carousel",
        "mj-carousel-image",
        "mj-column",
        "mj-divider",
        "mj-group",
        "mj-hero",
        "mj-image",
        "mj-navbar",
        "mj-navbar-link",
        "mj-raw",
        "mj-section",
        "mj-social",
        "mj-social-element",
        "mj-spacer",
        "mj-table",
        "mj-text",
        "mj-wrapper",
    ]
)
_HOLDS_HTML = frozenset(
    [
        "mj-text",
        "mj-button",
        "mj-table",
        "mj-raw",
        "mj-accordion-title",
        "mj-accordion-text",
        "mj-navbar-link",
        "mj-social-element",
    ]
)
# An HTML parser may add these where they were left out, and moves styles.
_IMPLIED = frozenset(["html", "head", "body", "tbody", "colgroup", "style", "meta", "title"])

_BELONGS_IN_HEAD = frozenset({"style", "title", "meta"})

# The engine loads its default font from another company's server, which would tell that company who reads when.
_DEFAULT_FONT = re.compile(
    r"<!--\[if !mso\]><!--><link href=\"https://fonts\.googleapis\.com/css\?family=Ubuntu[^>]*>.*?<!--<!\[endif\]-->",
    re.DOTALL,
)

_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)


def to_html(marked: Marked, *, markup: Markup, locale: str, part: str) -> str:
    """A whole HTML document, marks in the places where they stood."""
    made = _from_mjml(marked, locale=locale, part=part) if markup is Markup.MJML else _from_html(marked, part=part)
    missing = set(marks(marked.text)) - set(marks(made))
    if missing:
        tag = marked.tags[min(missing)]
        raise WrongInput(
            "tag_lost",
            say("%(tag)s is lost when the mail is built.", tag=tag),
            say("Put it elsewhere."),
            place(part, tag.line),
        )
    # A parser may have added an element inside of a branch and its end outside.
    check_branches(Marked(made, marked.tags), part=part)
    return _with_language(made, locale=locale)


def _from_mjml(marked: Marked, *, locale: str, part: str) -> str:
    _check_mjml_tags(marked.text, part=part)
    try:
        made = mjml2html(_held(marked.text))
    except ValueError as error:
        raise WrongInput(
            "mjml_invalid",
            say("This MJML cannot be read: %(problem)s.", problem=error),
            say("Close every element."),
            named(part),
        ) from error
    made = _released(_DEFAULT_FONT.sub("", made)).replace('lang="und"', f'lang="{locale}"')
    _compare(_sequence(marked.text, elements=False), _sequence(made, elements=False), marked=marked, part=part)
    return made


def _from_html(marked: Marked, *, part: str) -> str:
    whole = _wrapped(marked.text)
    made = _released(_inliner.inline(_held(whole)))
    if "<tbody" not in marked.text.lower():
        # The parser puts a table's rows into a body that nobody wrote, and would begin it inside of a branch.
        made = re.sub(r"</?tbody>", "", made)
    _compare(_sequence(whole, elements=True), _sequence(made, elements=True), marked=marked, part=part)
    return made if made.lower().lstrip().startswith("<!doctype") else f"<!DOCTYPE html>{made}"


def _wrapped(text: str) -> str:
    """A whole document: what stands before a body that the parser invents would not be inside of it."""
    pieces = tokens(text)
    if any(piece.name == "body" for piece in pieces):
        return text
    head = "".join(piece.text for piece in pieces if piece.name in _BELONGS_IN_HEAD)
    body = "".join(piece.text for piece in pieces if piece.name not in _BELONGS_IN_HEAD and not _is_frame(piece))
    return f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"


def _is_frame(piece: Token) -> bool:
    return piece.name in {"html", "head"} or piece.text.lower().startswith("<!doctype")


def _check_mjml_tags(text: str, *, part: str) -> None:
    """Refuse elements that MJML does not have: the engine would leave them out, or in, without a word."""
    holder = ""
    for piece in tokens(text):
        if piece.name == holder and piece.kind is Kind.END:
            holder = ""
        elif piece.name and piece.name not in MJML_TAGS and (not holder or piece.name.startswith("mj")):
            line = text.count("\n", 0, piece.at) + 1
            is_include = piece.name == "mj-include"
            remedy = say("Included files cannot be used.") if is_include else say("Check the spelling.")
            raise WrongInput(
                "mjml_tag_unknown", say("MJML has no <%(tag)s> here.", tag=piece.name), remedy, place(part, line)
            )
        elif piece.kind is Kind.START and piece.name in _HOLDS_HTML and not piece.closes_itself:
            holder = piece.name


def _held(text: str) -> str:
    """Marks as comments between elements, where no parser moves them, and as words everywhere else."""
    return "".join(_held_token(piece) for piece in tokens(text))


def _held_token(piece: Token) -> str:
    form = r"<!--crusoe:\1-->" if piece.kind is Kind.TEXT else r"crusoe\1held"
    return MARK.sub(form, piece.text)


def _released(text: str) -> str:
    return _HELD.sub(lambda found: mark(int(found[1] or found[2])), text)


def _sequence(text: str, *, elements: bool) -> list[str]:
    """Words, marks and, if asked for, elements in the order in which they stand."""
    found: list[str] = []
    for piece in tokens(text):
        if piece.kind is Kind.TEXT or piece.name == "mj-preview":
            shown = re.sub(r"</?mj-preview[^>]*>", "", piece.text)
            found += unescape(MARK.sub(r" \g<0> ", shown)).split()
        elif elements and piece.kind is Kind.START and piece.name not in _IMPLIED:
            found.append(f"<{piece.name}>")
            found += sorted(mark(number) for number in marks(piece.text))
    return found


def _compare(before: list[str], after: list[str], *, marked: Marked, part: str) -> None:
    if before == after:
        return
    at = next((index for index, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), len(after))
    piece = before[at] if at < len(before) else say("the end")
    found = MARK.fullmatch(piece)
    tag = marked.tags[int(found[1])] if found else None
    line = tag.line if tag else line_of(marked.text, piece)
    raise WrongInput(
        "markup_moved",
        say("HTML does not allow %(piece)s where it stands; mail programs would move it.", piece=tag or piece),
        say("Text belongs into cells of a table, and elements must be closed in the order in which they were opened."),
        place(part, line),
    )


def _with_language(html: str, *, locale: str) -> str:
    """Name the language for screen readers, unless the author did."""
    found = re.search(r"<html\b[^>]*>", html, re.IGNORECASE)
    if found is None or re.search(r"\blang=", found[0], re.IGNORECASE):
        return html
    return f'{html[: found.start()]}<html lang="{locale}"{found[0][len("<html") :]}{html[found.end() :]}'
