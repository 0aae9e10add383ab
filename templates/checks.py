"""What is good to know about a wording before it is sent."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from core.errors import WrongInput
from core.sentences import kept, recalled, say
from templates.compile import Made, Wording
from templates.markup import Kind, tokens
from templates.plain import to_text, words

LONGEST_SUBJECT = 70
# Gmail cuts a mail off at 102 KB and hides the footer with the unsubscribe link behind another click.
LARGEST_HTML = 100 * 1024
FEWEST_WORDS = 15


_SENTENCES = ("message", "remedy", "where")


class Severity(StrEnum):
    """`fail` must be mended before anything is sent."""

    FAIL = "fail"
    WARN = "warn"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """One thing about a wording: a stable code, a sentence, what to do, and where it stands."""

    code: str
    severity: Severity
    message: str
    remedy: str = ""
    where: str = ""


def kept_finding(finding: Finding) -> dict[str, Any]:
    """A finding as it is stored: in plain words for programs, and as sentences that a page can translate."""
    said = {name: kept(getattr(finding, name)) for name in _SENTENCES}
    return {**asdict(finding), "said": said}


def recalled_finding(stored: Mapping[str, Any]) -> Finding:
    """A stored finding as it was."""
    said = stored.get("said", {})
    sentences = {name: recalled(said.get(name, stored[name])) for name in _SENTENCES}
    return Finding(code=stored["code"], severity=Severity(stored["severity"]), **sentences)


def failure(error: WrongInput) -> Finding:
    """A wording that cannot be compiled, as a finding."""
    return Finding(error.code, Severity.FAIL, error.message, error.remedy, error.where)


def findings(wording: Wording, made: Made) -> list[Finding]:
    """Everything worth a remark about a wording that can be compiled."""
    return [*_subject(wording), *_links(made), *_pictures(made), *_body(wording, made)]


def _subject(wording: Wording) -> list[Finding]:
    found = []
    if len(wording.subject) > LONGEST_SUBJECT:
        found.append(
            _warn(
                "subject_long",
                say("The subject has %(count)s characters.", count=len(wording.subject)),
                say("Phones show about 40."),
            )
        )
    if re.match(r"\s*(re|aw|fwd?|wg)\s*:", wording.subject, re.IGNORECASE):
        found.append(
            _warn("subject_pretends", say("The subject looks like an answer."), say("Mailbox providers punish this."))
        )
    if not wording.preheader.strip():
        found.append(
            _info(
                "preheader_missing", say("There is no preheader."), say("Write what follows the subject in the inbox.")
            )
        )
    return found


def _links(made: Made) -> list[Finding]:
    found = [
        _warn("link_not_https", say("%(address)s is not encrypted.", address=target), say("Use https."))
        for target in made.compiled.links
        if urlsplit(target).scheme.lower() == "http"
    ]
    found += [
        _info(
            "link_not_counted",
            say("%(address)s differs from person to person, so its clicks are not counted.", address=address),
        )
        for address in made.uncounted
    ]
    if made.compiled.asks_again:
        found.append(
            _info(
                "asks_again",
                say("The mail asks people to confirm their consent anew, so it does not count as a use of it."),
                say("Who does not answer is not written to any more when the consent is too old."),
            )
        )
    if not made.compiled.links and not made.uncounted:
        found.append(
            _info("no_links", say("The mail leads nowhere."), say("Add a link if readers should do something."))
        )
    return found


def _pictures(made: Made) -> list[Finding]:
    pictures = [
        piece
        for piece in tokens(made.compiled.html)
        if piece.kind is Kind.START and piece.name == "img" and "pixel_url" not in piece.text
    ]
    return [
        _warn(
            "image_without_alt",
            say("The image %(address)s has no alternative text.", address=picture.attribute("src")),
            say('Say what it shows, or write alt="" for an ornament.'),
        )
        for picture in pictures
        if picture.attribute("alt") is None
    ]


def _body(wording: Wording, made: Made) -> list[Finding]:
    found = []
    size = len(made.compiled.html.encode())
    if size > LARGEST_HTML:
        found.append(
            _warn(
                "mail_clipped",
                say("The HTML has %(size)s KB; Gmail cuts off at 102.", size=size // 1024),
                say("Shorten it."),
            )
        )
    if not (wording.text or "").strip():
        found.append(
            _info(
                "text_made", say("There is no text part; it is made from the HTML."), say("Look at it in the preview.")
            )
        )
    if words(to_text(wording.body)) < FEWEST_WORDS:
        found.append(
            _warn("few_words", say("The mail has hardly any text."), say("Filters distrust mails made of pictures."))
        )
    if "unsubscribe_url" not in wording.body:
        found.append(
            _info("unsubscribe_in_footer", say("The way out stands in the footer, which is added below the mail."))
        )
    return found


def _warn(code: str, message: str, remedy: str = "") -> Finding:
    return Finding(code, Severity.WARN, message, remedy)


def _info(code: str, message: str, remedy: str = "") -> Finding:
    return Finding(code, Severity.INFO, message, remedy)
