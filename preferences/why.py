"""Why somebody got a mail: the decision that let it pass, in words and dates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from preferences.recipient import Recipient, message_date
from suppression import Explained, explain


@dataclass(frozen=True)
class CheckedList:
    """A do-not-contact list that was asked, and the state of it that was asked."""

    name: str
    published_at: datetime


@dataclass(frozen=True)
class Reason:
    """What a message rested on. `basis` is `consent`, `existing_customer` or `own_request`; None when unknown."""

    basis: str | None
    decided_at: datetime | None
    sent_at: datetime | None
    confirmed_at: datetime | None
    how_given: str | None
    text_version: str | None
    text: str | None
    ordered_at: datetime | None
    lists: tuple[CheckedList, ...]


def reason(session: Session, who: Recipient) -> Reason:
    """The decision of the gate about the mail that led here, and its evidence."""
    message_id = who.token.message_id
    sent_at = message_date(session, message_id)
    decisions = explain(session, address_id=who.address_id, message_ids=[message_id])
    passed = next((one for one in decisions if one.verdict == "send"), None)
    if passed is None:
        return Reason(None, None, sent_at, None, None, None, None, None, ())
    consent = passed.consent or {}
    return Reason(
        basis=passed.basis,
        decided_at=passed.decided_at,
        sent_at=sent_at,
        confirmed_at=consent.get("confirmed_at"),
        how_given=consent.get("how_given"),
        text_version=consent.get("text_version"),
        text=_words(consent.get("wording", {}), locale=who.locale),
        ordered_at=passed.order.ordered_at if passed.order else None,
        lists=_lists(passed),
    )


def _words(wording: Mapping[str, str], *, locale: str | None) -> str | None:
    """The words that the person agreed to, in the person's language if they are there in it."""
    return wording.get(locale or "en") or next(iter(wording.values()), None)


def _lists(passed: Explained) -> tuple[CheckedList, ...]:
    return tuple(CheckedList(name, asked.published_at) for name, asked in sorted(passed.lists.items()) if asked)
