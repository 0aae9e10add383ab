"""The words that people agree to, kept for as long as anybody may have to prove them."""

from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.consent_models import ConsentText
from core.errors import WrongInput
from core.sentences import say


def save_consent_text(session: Session, *, version: str, locale: str, text: str) -> bool:
    """Store a version of the words in one language. Answers whether it is new; other words need a new version."""
    known = session.scalar(select(ConsentText.text).where(ConsentText.version == version, ConsentText.locale == locale))
    if known == text:
        return False
    if known is not None:
        raise WrongInput(
            "consent_text_fixed",
            say(
                "Consent text %(version)s (%(locale)s) is what people agreed to and cannot be changed.",
                version=version,
                locale=locale,
            ),
            say("Give the new words a new version."),
        )
    digest = sha256(text.encode()).digest()
    session.add(ConsentText(version=version, locale=locale, text=text, sha256=digest))
    session.flush()
    return True
