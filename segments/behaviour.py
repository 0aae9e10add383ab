"""Conditions on what people agreed to, bought, received, opened and clicked, as SQL about the contact of the query."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, and_, exists, func, literal, not_, or_, select

from contacts.consent_models import Consent as ConsentRow
from contacts.models import Contact, Endpoint, Purchase, RecipientChoice
from segments.conditions import Predicate, midnight, moment, plain
from segments.definition import below
from segments.evaluation import fits
from segments.facts import ClickFacts, ConsentFacts, ConsentState, HitFacts, PurchaseFacts, ReceivedFacts
from segments.fields import MEASURES, OneOf, Range, Test, measured
from tracking.models import Event, EventKind, Exposure, Link, Verdict


def consent(facts: ConsentFacts, *, now: datetime) -> Predicate:
    """A consent in a state; confirmed after a withdrawal counts as confirmed, as it does at the gate."""
    row = ConsentRow
    found = exists().where(
        Endpoint.contact_id == Contact.id,
        Endpoint.channel == facts.channel,
        row.address_id == Endpoint.address_id,
        row.channel == facts.channel,
        row.purpose == facts.purpose,
    )
    found = found.correlate(Contact)
    withdrawn_last = and_(
        row.withdrawn_at.is_not(None), or_(row.confirmed_at.is_(None), row.withdrawn_at >= row.confirmed_at)
    )
    match facts.state:
        case ConsentState.NONE:
            return ~found
        case ConsentState.CONFIRMED:
            found, moment = found.where(row.confirmed_at.is_not(None), not_(withdrawn_last)), row.confirmed_at
            found = found.where(*_unused(facts, now=now))
        case ConsentState.WITHDRAWN:
            found, moment = found.where(withdrawn_last), row.withdrawn_at
        case ConsentState.UNCONFIRMED:
            found = found.where(row.confirmed_at.is_(None), row.withdrawn_at.is_(None))
            moment = row.requested_at
    return found.where(moment >= midnight(facts.since, after=False)) if facts.since else found


def _unused(facts: ConsentFacts, *, now: datetime) -> list[Predicate]:
    """Confirmed or last used between so many and so many days ago: the clock on which the gate looks."""
    row, sides = ConsentRow, []
    if facts.unused_at_least:
        since = now - timedelta(days=facts.unused_at_least)
        sides += [row.confirmed_at <= since, ~_used(Exposure.last_at > since)]
    if facts.unused_at_most:
        since = now - timedelta(days=facts.unused_at_most)
        sides.append(or_(row.confirmed_at >= since, _used(Exposure.last_at >= since)))
    return sides


def _used(when: Predicate) -> Predicate:
    row = ConsentRow
    return (
        exists()
        .where(
            Exposure.address_id == row.address_id,
            Exposure.channel == row.channel,
            Exposure.purpose == row.purpose,
            Exposure.basis == "consent",
            when,
        )
        .correlate(row)
    )


def purchases(facts: PurchaseFacts, *, now: datetime, where: str) -> Predicate:
    """Purchases by number, sum and latest day; people without any have the number 0 and the sum 0."""
    tests = _purchase_tests(facts, today=now.date(), where=where)
    rows = select(Purchase.contact_id)
    if facts.category:
        wanted = facts.category if isinstance(facts.category, list) else [facts.category]
        rows = rows.where(Purchase.category.in_(wanted))
    if facts.currency or facts.sum:
        rows = rows.where(Purchase.currency == (facts.currency or "EUR"))
    if facts.within_days:
        rows = rows.where(Purchase.ordered_at >= now - timedelta(days=facts.within_days))
    if not tests:
        return _among(rows)
    sums = {"count": func.count(), "sum": func.sum(Purchase.amount)}
    holds = and_(
        *(moment(func.max(Purchase.ordered_at), test) for name, test in tests.items() if name == "last"),
        *(plain(sums[name], test) for name, test in tests.items() if name in sums),
    )
    grouped = rows.group_by(Purchase.contact_id)
    if "last" not in tests and all(fits(test, 0) for test in tests.values()):
        return ~_among(grouped.having(not_(holds)))
    return _among(grouped.having(holds))


def _purchase_tests(facts: PurchaseFacts, *, today: date, where: str) -> dict[str, Test]:
    given = {name: getattr(facts, name) for name in MEASURES if getattr(facts, name) is not None}
    return {
        name: _exact(measured(comparison, known=MEASURES[name], today=today, where=below(where, name)))
        for name, comparison in given.items()
    }


def _exact(test: Test) -> Test:
    """Amounts are decimal; a float like 0.1 means what people wrote, not its nearest binary fraction."""

    def exact(value: Any) -> Any:
        return Decimal(str(value)) if isinstance(value, float) else value

    match test:
        case OneOf():
            return OneOf(tuple(exact(value) for value in test.values))
        case Range():
            return Range(exact(test.low), exact(test.high), test.low_in, test.high_in)
    return test


def hits(kind: EventKind, facts: HitFacts, *, now: datetime) -> Predicate:
    """Opens or clicks within the days before now, of people who did not object to being chosen by them."""
    objected = exists().where(RecipientChoice.address_id == Event.address_id, RecipientChoice.profiling.is_(False))
    rows = (
        select(Endpoint.contact_id)
        .join(Event, Event.address_id == Endpoint.address_id)
        .where(Event.kind == kind, Event.at >= now - timedelta(days=facts.within_days), ~objected)
    )
    if facts.human_only:
        rows = rows.where(Event.verdict == Verdict.HUMAN)
    if facts.run is not None:
        rows = rows.where(Event.run_id == facts.run)
    if isinstance(facts, ClickFacts) and facts.link:
        rows = rows.join(Link, Link.id == Event.link_id).where(Link.target.contains(facts.link, autoescape=True))
    if facts.at_least == 1:
        return _among(rows)
    many = func.count(Event.message_id.distinct()) >= facts.at_least
    return _among(rows.group_by(Endpoint.contact_id).having(many))


def received(facts: ReceivedFacts, *, now: datetime) -> Predicate:
    """Messages counted against this person within the days before today."""
    rows = (
        select(Endpoint.contact_id)
        .join(Exposure, and_(Exposure.address_id == Endpoint.address_id, Exposure.channel == Endpoint.channel))
        .where(Exposure.day >= now.date() - timedelta(days=facts.within_days))
    )
    if facts.purpose:
        rows = rows.where(Exposure.purpose == facts.purpose)
    if facts.at_least == 1:
        return _among(rows.where(Exposure.messages > 0))
    return _among(rows.group_by(Endpoint.contact_id).having(func.sum(Exposure.messages) >= facts.at_least))


def _among(rows: Select[Any]) -> Predicate:
    """Whether the contact is among the contact ids of a query: an EXISTS, which PostgreSQL turns into a semi-join."""
    found = rows.subquery()
    return exists(select(literal(1)).where(found.c.contact_id == Contact.id).correlate(Contact))
