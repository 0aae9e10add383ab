"""What people could read when they decided: privacy notices, and our pages as they were shown. Kept for good."""

from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contacts.consent_models import ConsentPage, PageKind
from core.errors import WrongInput
from core.sentences import say

SHORT = 12


@dataclass(frozen=True)
class Shown:
    """A stored page: how evidence names it. `sha256` is hexadecimal, over its UTF-8."""

    version: str
    sha256: str
    locale: str


def save_privacy_notice(session: Session, *, version: str, locale: str, text: str) -> bool:
    """Store a version of the privacy notice in one language. Answers whether it is new; it cannot be changed."""
    known = privacy_notice(session, version=version, locale=locale)
    if known is not None and known.locale == locale:
        if known.content == text:
            return False
        raise WrongInput(
            "privacy_notice_fixed",
            say(
                "Privacy notice %(version)s (%(locale)s) is what people could read and cannot be changed.",
                version=version,
                locale=locale,
            ),
            say("Give the new words a new version."),
            where="text",
        )
    _store(session, PageKind.PRIVACY_NOTICE, version=version, locale=locale, content=text)
    return True


def privacy_notice(session: Session, *, version: str, locale: str) -> ConsentPage | None:
    """This version of the notice in this language, or in one that there is."""
    return session.scalar(
        select(ConsentPage)
        .where(ConsentPage.kind == PageKind.PRIVACY_NOTICE, ConsentPage.version == version)
        .order_by(ConsentPage.locale != locale, ConsentPage.locale != "en", ConsentPage.id)
        .limit(1)
    )


def keep_page(session: Session, *, kind: PageKind, name: str, locale: str, content: str) -> Shown:
    """Keep the HTML of a page as it was shown; each different content is a version of its own, named by its digest."""
    digest = sha256(content.encode()).hexdigest()
    version = f"{name}-{digest[:SHORT]}"
    _store(session, kind, version=version, locale=locale, content=content)
    return Shown(version=version, sha256=digest, locale=locale)


def _store(session: Session, kind: PageKind, *, version: str, locale: str, content: str) -> None:
    digest = sha256(content.encode()).digest()
    values = {"kind": kind, "version": version, "locale": locale, "content": content, "sha256": digest}
    session.execute(insert(ConsentPage).values(values).on_conflict_do_nothing())
