"""The slow way to the same answer: one person after the other, from the raw rows, in plain Python.

It shares nothing with the product but `decide`: facts are worked out here a second time, as the rules are written in
prose, so that a mistake in the SQL shows as a difference.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.consent_models import Consent
from contacts.models import Address, Contact, Endpoint, Purchase, RecipientChoice
from suppression import Decision, Facts, Question, RuleSettings, decide
from suppression.facts import ConsentState, Objection
from suppression.models import ListHit, ListVersion, SuppressionEntry, SuppressionLift
from suppression.rule_settings import months_before
from suppression.rules import ANSWERS, book
from tracking.models import Exposure


def decide_slowly(
    session: Session, *, address_id: int, question: Question, settings: RuleSettings, as_of: datetime
) -> Decision:
    return decide(_facts(session, address_id, question, settings, as_of), book(question.purpose))


def _facts(session: Session, address_id: int, question: Question, settings: RuleSettings, as_of: datetime) -> Facts:
    endpoint = session.scalar(
        select(Endpoint).where(Endpoint.address_id == address_id, Endpoint.channel == question.channel)
    )
    contact = session.get(Contact, endpoint.contact_id) if endpoint else None
    consent = session.scalar(
        select(Consent).where(
            Consent.address_id == address_id,
            Consent.controller_id == question.controller_id,
            Consent.channel == question.channel,
            Consent.purpose == question.purpose,
        )
    )
    confirmed = consent.confirmed_at if consent else None
    if confirmed and confirmed > as_of + timedelta(minutes=5):
        confirmed = None
    objections = _objections(session, address_id, question)
    if consent and consent.withdrawn_at:
        objections["opted_out"].append(consent.withdrawn_at)
    exposures = list(session.scalars(select(Exposure).where(Exposure.address_id == address_id)))
    choice = session.get(RecipientChoice, address_id)
    country = contact.country or "" if contact else ""
    lists = [_list(session, address_id, required, country, as_of) for required in settings.required_lists]
    return Facts(
        **{cause: _objection(moments, confirmed) for cause, moments in objections.items()},
        consent=_consent(confirmed, exposures, question, settings, as_of) if consent else ConsentState.NONE,
        customer=contact is not None and _is_customer(session, contact, settings, as_of),
        erased=contact is None,
        listed=any(listed for listed, _outdated in lists),
        list_outdated=any(outdated for _listed, outdated in lists),
        paused=bool(choice and choice.paused_until and choice.paused_until > as_of),
        capped=_is_capped(exposures, choice, question, settings, as_of),
        topic_off=bool(choice and question.topic in choice.topics_off),
    )


def _objections(session: Session, address_id: int, question: Question) -> dict[str, list[datetime]]:
    address = session.get_one(Address, address_id)
    found: dict[str, list[datetime]] = {
        cause: [] for cause in ("opted_out", "complaint", "hard_bounce", "internal_block")
    }
    named = (SuppressionEntry.address_id == address_id) | (SuppressionEntry.domain_key == address.domain_key)
    for entry in session.scalars(select(SuppressionEntry).where(named)):
        if session.get(SuppressionLift, entry.id):
            continue
        if entry.channel not in (None, question.channel) or entry.controller_id not in (None, question.controller_id):
            continue
        covers_all = not (question.purpose in ANSWERS and entry.cause == "opted_out")
        if entry.purpose == question.purpose or (entry.purpose is None and covers_all):
            found[entry.cause.value].append(entry.at)
    return found


def _objection(moments: list[datetime], confirmed: datetime | None) -> Objection:
    if not moments:
        return Objection.NONE
    return Objection.STANDING if confirmed is None or max(moments) > confirmed else Objection.ANSWERED


def _consent(
    confirmed: datetime | None,
    exposures: list[Exposure],
    question: Question,
    settings: RuleSettings,
    as_of: datetime,
) -> ConsentState:
    if confirmed is None:
        return ConsentState.UNCONFIRMED
    used = [
        exposure.last_at
        for exposure in exposures
        if (exposure.channel, exposure.purpose, exposure.basis) == (question.channel, question.purpose, "consent")
        and exposure.last_at <= as_of + timedelta(minutes=5)
    ]
    last = max([confirmed, *used])
    if last > months_before(as_of, settings.stale_after_months):
        return ConsentState.FRESH
    return ConsentState.STALE if last >= months_before(as_of, settings.lapsed_after_months) else ConsentState.LAPSED


def _is_customer(session: Session, contact: Contact, settings: RuleSettings, as_of: datetime) -> bool:
    since = months_before(as_of, settings.customer_months)
    return any(
        order.objection_notice_shown and since <= order.ordered_at <= as_of + timedelta(minutes=5)
        for order in session.scalars(select(Purchase).where(Purchase.contact_id == contact.id))
    )


def _list(session: Session, address_id: int, required: object, country: str, as_of: datetime) -> tuple[bool, bool]:
    if country not in required.concerned:
        return False, False
    version = session.scalar(
        select(ListVersion).where(ListVersion.list_id == required.list_id, ListVersion.state == "active")
    )
    if version is None:
        return False, True
    listed = session.get(ListHit, (address_id, version.id)) is not None
    return listed, as_of - version.published_at > timedelta(days=required.max_age_days)


def _is_capped(
    exposures: list[Exposure],
    choice: RecipientChoice | None,
    question: Question,
    settings: RuleSettings,
    as_of: datetime,
) -> bool:
    limits = [(cap.messages, cap.days, cap.purpose) for cap in settings.caps if cap.purpose in (None, question.purpose)]
    if choice and choice.most_per_month is not None:
        limits.append((choice.most_per_month, 30, None))
    for messages, days, purpose in limits:
        counted = [
            exposure.messages
            for exposure in exposures
            if exposure.channel == question.channel
            and (exposure.purpose not in ANSWERS if purpose is None else exposure.purpose == purpose)
            and exposure.day > (as_of - timedelta(days=days)).date()
        ]
        if counted and sum(counted) >= messages:
            return True
    return False
