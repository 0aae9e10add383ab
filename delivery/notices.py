"""Short mails of ours that answer what somebody did or tell colleagues something, in every language of the pages.

They are no advertising: an imprint, but no unsubscribe link, no counted link and no pixel. Nothing that people typed
becomes a part of their wording; it only fills merge fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from contacts import email_address, ensure_addresses
from contacts.models import Controller
from delivery.models import Sender
from delivery.runs import standing_run
from delivery.transactional import enqueue
from templates import Draft, compile_notice

FALLBACK = "en"

_STYLE = "font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px;color:#1f2937"


@dataclass(frozen=True)
class Notice:
    """A mail in each of its languages, English among them, and the merge fields that it takes."""

    name: str
    drafts: Mapping[str, Draft]
    texts: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()

    def language(self, locale: str) -> str:
        """The language in which somebody gets it."""
        return locale if locale in self.drafts else FALLBACK


def notice_draft(locale: str, subject: str, *paragraphs: str) -> Draft:
    """The wording in one language; the paragraphs are HTML of ours."""
    body = "".join(f'<p style="{_STYLE}">{paragraph}</p>' for paragraph in paragraphs)
    return Draft(subject=subject, body=f'<div style="max-width:600px;margin:0 auto">{body}</div>', locale=locale)


def notice_run(session: Session, notice: Notice, *, sender: Sender, controller: Controller, locale: str) -> int:
    """The standing run that carries this notice in this language from this sender; `enqueue` puts messages into it."""
    language = notice.language(locale)
    compiled = compile_notice(
        notice.drafts[language], controller=controller, sender=sender, texts=notice.texts, urls=notice.urls
    )
    name = f"{notice.name}/{sender.code}/{language}"
    return standing_run(session, name=name, sender_id=sender.id, compiled=compiled)


def tell(
    session: Session,
    notice: Notice,
    *,
    to: str,
    locale: str,
    sender: Sender,
    controller: Controller,
    occurrence: int,
    values: Mapping[str, Any],
) -> int | None:
    """Write a notice to the address of a colleague. Answers the message, or None when this occurrence was told of."""
    email = email_address(to)
    return enqueue(
        session,
        run_id=notice_run(session, notice, sender=sender, controller=controller, locale=locale),
        address_id=ensure_addresses(session, [email])[email.key],
        occurrence=occurrence,
        recipient=email.value,
        values=dict(values),
    )
