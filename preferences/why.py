"""Why somebody got a mail: the decision that let it pass, in words and dates."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.consent_models import Consent, ConsentText
from contacts.models import Purchase
from preferences.recipient import Recipient, message_date
from suppression.models import DecisionContext, ListVersion, StoredDecision


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
    text_version: str | None
    text: str | None
    ordered_at: datetime | None
    lists: tuple[CheckedList, ...]


def reason(session: Session, who: Recipient) -> Reason:
    """The decision of the gate about the mail that led here, and its evidence."""
    row = session.execute(
        select(StoredDecision, DecisionContext)
        .join(DecisionContext, DecisionContext.batch_id == StoredDecision.batch_id)
        .where(
            StoredDecision.message_id == who.token.message_id,
            StoredDecision.address_id == who.address_id,
            StoredDecision.verdict == "send",
        )
        .order_by(StoredDecision.id.desc())
        .limit(1)
    ).first()
    sent_at = message_date(session, who.token.message_id)
    if row is None:
        return Reason(None, None, sent_at, None, None, None, None, ())
    decision, context = row
    consent = session.get(Consent, decision.consent_id) if decision.consent_id else None
    order = session.get(Purchase, decision.purchase_id) if decision.purchase_id else None
    return Reason(
        basis=decision.basis,
        decided_at=context.decided_at,
        sent_at=sent_at,
        confirmed_at=consent.confirmed_at if consent else None,
        text_version=consent.text_version if consent else None,
        text=_words(session, consent, locale=who.locale),
        ordered_at=order.ordered_at if order else None,
        lists=_lists(session, context.list_versions),
    )


def _words(session: Session, consent: Consent | None, *, locale: str | None) -> str | None:
    if consent is None or consent.text_version is None:
        return None
    return session.scalar(
        select(ConsentText.text)
        .where(ConsentText.version == consent.text_version)
        .order_by(ConsentText.locale != (locale or "en"), ConsentText.id)
        .limit(1)
    )


def _lists(session: Session, versions: dict[str, Any]) -> tuple[CheckedList, ...]:
    asked = [number for number in versions.values() if number is not None]
    rows = session.scalars(select(ListVersion).where(ListVersion.id.in_(asked)))
    found = {version.id: version.published_at for version in rows}
    return tuple(CheckedList(name, found[number]) for name, number in sorted(versions.items()) if number in found)
