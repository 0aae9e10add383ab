"""The slow way to the same answer: one person after the other, from the raw rows, in plain Python.

It shares nothing with the product but `decide`: facts are worked out here a second time, as the rules are written in
prose, so that a mistake in the SQL shows as a difference.
"""

from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import holidays
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.consent_models import Consent
from contacts.models import Address, Contact, Controller, Endpoint, Kind, Purchase, RecipientChoice
from core.db import Base
from suppression import Decision, Facts, Question, RuleSettings, decide
from suppression.calling_hours import is_quiet, zones_of
from suppression.facts import ConsentState, Listing, Objection
from suppression.lists.known import LISTS
from suppression.models import ListHit, ListVersion, SuppressionEntry, SuppressionLift
from suppression.policy import Needs, Policy, policy
from suppression.rule_settings import months_before
from suppression.rules import ANSWERS, book
from tracking.models import Exposure

Row = TypeVar("Row", bound=Base)

# What a later confirmation answers, or could; and what holds whatever the person confirms.
ANSWERABLE = ("opted_out", "complaint", "hard_bounce", "internal_block")
KEPT_BACK = ("deceased", "restricted", "minor", "case_open")


class Known:
    """All raw rows there are, read once: asking for each person singly took most of the time."""

    def __init__(self, session: Session) -> None:
        self._rows: dict[type[Base], list[Any]] = {}
        self._session = session

    def rows(self, kind: type[Row], **wanted: object) -> list[Row]:
        """The rows of a table whose columns have these values."""
        if kind not in self._rows:
            self._rows[kind] = list(self._session.scalars(select(kind)))
        return [row for row in self._rows[kind] if all(getattr(row, name) == value for name, value in wanted.items())]

    def one(self, kind: type[Row], **wanted: object) -> Row | None:
        """The only such row, if there is one."""
        found = self.rows(kind, **wanted)
        assert len(found) <= 1
        return found[0] if found else None


def decide_slowly(
    known: Known, *, address_id: int, question: Question, settings: RuleSettings, as_of: datetime
) -> Decision:
    return decide(_facts(known, address_id, question, settings, as_of), book(question.purpose))


def _facts(known: Known, address_id: int, question: Question, settings: RuleSettings, as_of: datetime) -> Facts:
    endpoint = known.one(Endpoint, address_id=address_id, channel=question.channel)
    contact = known.one(Contact, id=endpoint.contact_id) if endpoint else None
    consent = known.one(
        Consent,
        address_id=address_id,
        controller_id=question.controller_id,
        channel=question.channel,
        purpose=question.purpose,
    )
    confirmed = consent.confirmed_at if consent else None
    if confirmed and confirmed > as_of + timedelta(minutes=5):
        confirmed = None
    objections = _objections(known, address_id, question, as_of)
    if consent and consent.withdrawn_at:
        objections["opted_out"].append(consent.withdrawn_at)
    exposures = known.rows(Exposure, address_id=address_id)
    choice = known.one(RecipientChoice, address_id=address_id)
    country = contact.country or "" if contact else ""
    controller = known.one(Controller, id=question.controller_id)
    assert controller is not None
    law = policy(
        settings.policies,
        recipient=country,
        sender=controller.country,
        channel=question.channel,
        kind=contact.kind if contact else Kind.B2C,
        on=as_of.date(),
        markets=settings.markets,
    )
    zones = [zone for home in ([country] if country else settings.markets) for zone in zones_of(home)]
    fresh_since = months_before(as_of, _least(law.stale_after_months, settings.stale_after_months))
    required = settings.lists_for(question.channel, on=as_of.date())
    lists = [_list(known, address_id, one, country, as_of) for one in required]
    consent_state = (
        _consent(confirmed, exposures, question=question, settings=settings, law=law, as_of=as_of)
        if consent
        else ConsentState.NONE
    )
    return Facts(
        **{cause: _objection(objections[cause], confirmed) for cause in ANSWERABLE},
        consent=consent_state,
        customer=contact is not None
        and law.customers
        and _is_customer(known, contact, question=question, settings=settings, law=law, as_of=as_of),
        no_consent_needed=law.needs is Needs.NO_OBJECTION,
        role_account=bool(
            endpoint
            and endpoint.role_account
            and settings.role_accounts == "hold"
            # Where there is a fresh consent nobody asks whose mailbox it is.
            and not (confirmed and confirmed > fresh_since)
        ),
        **{cause: bool(objections[cause]) for cause in KEPT_BACK},
        erased=contact is None,
        listed=max((listed for listed, _outdated in lists), default=Listing.NONE),
        list_outdated=any(outdated for _listed, outdated in lists),
        paused=bool(choice and choice.paused_until and choice.paused_until > as_of),
        capped=_is_capped(exposures, choice, question=question, settings=settings, country=country, as_of=as_of),
        topic_off=bool(choice and question.topic in choice.topics_off),
        quiet=question.at_once and _is_quiet(question, settings, law, zones, as_of),
    )


def _is_quiet(question: Question, settings: RuleSettings, law: Policy, zones: list[str], as_of: datetime) -> bool:
    own = [one.hours for one in settings.hours if question.channel in one.channels]
    there = [as_of.astimezone(ZoneInfo(zone)).date() for zone in zones]
    closed = {day for day in there for country in law.closed_on if day in holidays.country_holidays(country)}
    return is_quiet([*law.hours, *own], zones=zones, at=as_of, closed=closed)


def _names(entry: SuppressionEntry, address: Address, endpoint: Endpoint | None, contact: Contact | None) -> bool:
    if entry.address_id == address.id or (entry.domain_key and entry.domain_key == address.domain_key):
        return True
    if entry.company_id and contact and contact.company_id == entry.company_id:
        return True
    host = endpoint.value.lower().rpartition("@")[2] if endpoint else ""
    return any(host.endswith(f".{domain}") for domain in entry.below or ())


def _objections(known: Known, address_id: int, question: Question, as_of: datetime) -> dict[str, list[datetime]]:
    address = known.one(Address, id=address_id)
    assert address is not None
    endpoint = known.one(Endpoint, address_id=address_id, channel=question.channel)
    contact = known.one(Contact, id=endpoint.contact_id) if endpoint else None
    found: dict[str, list[datetime]] = {cause: [] for cause in (*ANSWERABLE, *KEPT_BACK)}
    maybe = known.rows(SuppressionEntry, address_id=address.id) + known.rows(SuppressionEntry, address_id=None)
    for entry in maybe:
        if known.one(SuppressionLift, entry_id=entry.id) or (entry.until and entry.until <= as_of):
            continue
        if not _names(entry, address, endpoint, contact):
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
    *,
    question: Question,
    settings: RuleSettings,
    law: Policy,
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
    if last > months_before(as_of, _least(law.stale_after_months, settings.stale_after_months)):
        return ConsentState.FRESH
    lapsed_after = _least(law.lapsed_after_months, settings.lapsed_after_months)
    return ConsentState.STALE if last >= months_before(as_of, lapsed_after) else ConsentState.LAPSED


def _is_customer(
    known: Known, contact: Contact, *, question: Question, settings: RuleSettings, law: Policy, as_of: datetime
) -> bool:
    months = {"order": _least(law.customer_months, settings.customer_months), "inquiry": law.inquiry_months}
    for found in known.rows(Purchase, contact_id=contact.id):
        counts_for = months[found.kind.value]
        seller = found.controller_id or 1
        if counts_for is None or not found.objection_notice_shown or seller != question.controller_id:
            continue
        if settings.similar and not any(
            one.topic == question.topic and found.category in one.sold for one in settings.similar
        ):
            continue
        if months_before(as_of, counts_for) <= found.ordered_at <= as_of + timedelta(minutes=5):
            return True
    return False


def _least(law: int | None, own: int) -> int:
    return own if law is None else min(law, own)


def _list(known: Known, address_id: int, required: object, country: str, as_of: datetime) -> tuple[int, bool]:
    if country not in required.concerned:
        return Listing.NONE, False
    version = known.one(ListVersion, list_id=required.list_id, state="active")
    if version is None:
        return Listing.NONE, True
    spares_customers = "existing_customer" not in LISTS[required.list_id].defeats
    named = Listing.INTEREST if spares_customers else Listing.CUSTOMER
    listed = known.one(ListHit, address_id=address_id, version_id=version.id) is not None
    return named if listed else Listing.NONE, as_of - version.published_at > timedelta(days=required.max_age_days)


def _is_capped(
    exposures: list[Exposure],
    choice: RecipientChoice | None,
    *,
    question: Question,
    settings: RuleSettings,
    country: str,
    as_of: datetime,
) -> bool:
    limits = [
        (cap.messages, cap.days, cap.purpose)
        for cap in settings.caps
        if cap.purpose in (None, question.purpose)
        and (not cap.channels or question.channel in cap.channels)
        and (not cap.countries or country in cap.countries)
    ]
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
