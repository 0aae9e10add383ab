"""Whatever people, consents, orders, objections and lists there are: the database sorts them as the slow way does."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contacts.models import Company, Contact, Controller, Endpoint, Kind, PurchaseKind, RecipientChoice
from core import keys
from core.db import engine
from suppression import Cause, Question, RuleSettings, activate, assess
from suppression.models import ListHit, ListVersion, SuppressionEntry, SuppressionLift, VersionState
from suppression.rule_settings import Cap, OwnHours, RequiredList, SimilarGoods, months_before
from tests.suppression.people import QUESTION, Person, buys, consents, everybody, person
from tests.suppression.reference import Known, decide_slowly
from tracking.models import Exposure

NOW = datetime(2026, 8, 31, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

# The edges of every period, a second before and after them, and some days between.
EDGES = [months_before(NOW, 18), months_before(NOW, 24), NOW, NOW - timedelta(days=7), NOW - timedelta(days=30)]
MOMENTS = [edge + shift for edge in EDGES for shift in (-SECOND, timedelta(0), SECOND)]
MOMENTS += [NOW - timedelta(days=days) for days in (1, 100, 400, 600, 1000)] + [NOW + timedelta(days=2)]

# Enough that the rare meets the rare.
PEOPLE = 100


@dataclass(frozen=True)
class Objected:
    cause: Cause
    at: datetime
    channel: str | None
    purpose: str | None
    controller_id: int | None
    lifted: bool
    names: str
    until: datetime | None


@dataclass(frozen=True)
class Bought:
    ordered_at: datetime
    notice: bool
    kind: PurchaseKind
    controller_id: int | None
    category: str | None


@dataclass(frozen=True)
class Sent:
    at: datetime
    purpose: str
    basis: str
    messages: int


@dataclass(frozen=True)
class Story:
    country: str | None
    kind: Kind
    desk: bool
    asked: bool
    confirmed: datetime | None
    withdrawn: datetime | None
    listed: bool
    erased: bool
    paused: datetime | None
    most_per_month: int | None
    topics_off: list[str]
    orders: list[Bought] = field(default_factory=list)
    objections: list[Objected] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)


def any_moment(draw: Random) -> datetime:
    return draw.choice(MOMENTS)


def story(draw: Random) -> Story:
    """A person of whom anything may be known; the common case is a consent and little else."""
    return Story(
        country=draw.choice(["AT", "DE", None, "AT", "DE", None, "GB", "US", "IE", "PL", "CA"]),
        kind=draw.choice([Kind.B2C, Kind.B2C, Kind.B2B]),
        desk=draw.random() < 0.1,
        asked=draw.random() < 0.8,
        confirmed=any_moment(draw) if draw.random() < 0.85 else None,
        withdrawn=any_moment(draw) if draw.random() < 0.15 else None,
        listed=draw.random() < 0.25,
        erased=draw.random() < 0.03,
        paused=any_moment(draw) if draw.random() < 0.1 else None,
        most_per_month=draw.choice([None, None, 1, 2, 3]),
        topics_off=draw.choice([[], [], [], ["hiking"], ["cycling", "hiking"], ["cycling"]]),
        orders=[_bought(draw) for _ in range(draw.choice([0, 0, 1, 2]))],
        objections=[_objected(draw) for _ in range(draw.choice([0, 0, 0, 1, 2]))],
        sent=_sent(draw),
    )


def _bought(draw: Random) -> Bought:
    return Bought(
        ordered_at=any_moment(draw),
        notice=draw.random() < 0.8,
        kind=draw.choice([PurchaseKind.ORDER, PurchaseKind.ORDER, PurchaseKind.INQUIRY]),
        controller_id=draw.choice([None, None, 1, 2, 3]),
        category=draw.choice([None, "tents", "bicycles"]),
    )


def _objected(draw: Random) -> Objected:
    return Objected(
        cause=draw.choice([Cause.OPTED_OUT, Cause.OPTED_OUT, *Cause]),
        at=any_moment(draw),
        channel=draw.choice([None, "email", "phone"]),
        purpose=draw.choice([None, "newsletter", "survey"]),
        controller_id=draw.choice([None, 1, 2]),
        lifted=draw.random() < 0.25,
        names=draw.choice(["address"] * 50 + ["domain", "below", "company"]),
        until=any_moment(draw) if draw.random() < 0.2 else None,
    )


def _sent(draw: Random) -> list[Sent]:
    found = {}
    for _ in range(draw.choice([0, 1, 2, 3])):
        sent = Sent(
            at=any_moment(draw),
            purpose=draw.choice(["newsletter", "newsletter", "survey", "transactional"]),
            basis=draw.choice(["consent", "existing_customer"]),
            messages=draw.choice([1, 2]),
        )
        found[sent.at.date(), sent.purpose, sent.basis] = sent
    return list(found.values())


ECG = RequiredList(list_id="at.ecg.file", countries=("AT",))
STRICT = RequiredList(list_id="at.ecg.file", countries=("AT",), unknown_country=False, max_age_days=5)
# Spares customers and those who agreed.
VOLUNTARY = RequiredList(list_id="de.idi", countries=("AT", "DE", "US"))
AUSTRIAN_CAPS = (
    Cap(messages=1, days=30, countries=("AT", "PL"), channels=("email", "sms")),
    Cap(messages=1, days=30, channels=("sms",)),
)
TENTS = SimilarGoods(topic="hiking", sold=("tents",))
# Noon in Greenwich is afternoon in Vienna and morning in New York.
NOON = OwnHours(channels=("email",), hours=("mon-fri 09:00-12:30", "mon 13:00-14:30"))
WORLDS = [
    (QUESTION, RuleSettings(), timedelta(days=1)),
    (QUESTION, RuleSettings(required_lists=()), None),
    (QUESTION, RuleSettings(required_lists=(), caps=(Cap(messages=2, days=7),)), None),
    (QUESTION, RuleSettings(caps=(Cap(messages=1, days=30, purpose="newsletter"),)), timedelta(days=30)),
    (QUESTION, RuleSettings(required_lists=(STRICT,)), timedelta(days=5, seconds=1)),
    (QUESTION, RuleSettings(required_lists=(ECG,)), None),
    (Question("email", "newsletter", 1, topic="hiking"), RuleSettings(), timedelta(days=1)),
    (Question("email", "transactional", 1), RuleSettings(), timedelta(days=1)),
    (Question("email", "survey", 1), RuleSettings(customer_months=30), timedelta(days=1)),
    (QUESTION, RuleSettings(role_accounts="send", markets=("GB", "US")), timedelta(days=1)),
    (Question("email", "newsletter", 3), RuleSettings(stale_after_months=12), timedelta(days=1)),
    (QUESTION, RuleSettings(required_lists=(), caps=AUSTRIAN_CAPS), None),
    (Question("email", "newsletter", 1, topic="hiking"), RuleSettings(similar=(TENTS,)), timedelta(days=1)),
    (Question("email", "newsletter", 1, at_once=True), RuleSettings(hours=(NOON,)), timedelta(days=1)),
    (QUESTION, RuleSettings(required_lists=(VOLUNTARY,)), timedelta(days=1)),
]


@pytest.fixture
def session(database: str) -> Iterator[Session]:
    with Session(engine()) as opened:
        opened.add(Controller(code="sister", name="Sister company", imprint="", country="AT"))
        opened.flush()
        opened.add(Controller(code="cousin", name="Cousin company", imprint="", country="US"))
        opened.add(Company(name="Somebody's employer"))
        opened.flush()
        yield opened


@pytest.mark.parametrize("world", range(len(WORLDS)))
def test_the_database_sorts_people_as_the_slow_way_does(session: Session, world: int) -> None:
    question, rules, list_age = WORLDS[world]
    draw = Random(world)
    told = [story(draw) for _ in range(PEOPLE)]
    activate(session, rules, actor="test")
    lists = rules.lists_for("email", on=NOW.date())
    version = _list(session, lists[0].list_id if lists else "at.ecg.file", list_age)
    people = [_tell(session, number, one, version) for number, one in enumerate(told)]
    found = assess(session, audience=everybody(), question=question, as_of=NOW)
    rows = {row.address_id: row for row in session.execute(select(found.rows))}
    session.expire_all()
    known = Known(session)
    for who, one in zip(people, told, strict=True):
        if one.erased:
            continue
        expected = decide_slowly(known, address_id=who.address_id, question=question, settings=rules, as_of=NOW)
        row = rows[who.address_id]
        assert (row.verdict, tuple(row.reasons), row.basis) == (
            expected.verdict.value,
            expected.reasons,
            expected.basis and expected.basis.value,
        ), one
    again = assess(session, audience=everybody(), question=question, as_of=NOW)
    assert {row.address_id: row for row in session.execute(select(again.rows))} == rows
    assert found.counts()["audience"] == sum(not one.erased for one in told) == len(rows)


def _list(session: Session, list_id: str, age: timedelta | None) -> int | None:
    if age is None:
        return None
    version = ListVersion(
        list_id=list_id,
        state=VersionState.ACTIVE,
        published_at=NOW - age,
        records=1,
        sha256=b"",
        fetched_by="test",
        matched_up_to=10**9,
    )
    session.add(version)
    session.flush()
    return version.id


def _tell(session: Session, number: int, story: Story, version: int | None) -> Person:
    name = f"info+{number}" if story.desk else f"reader{number}"
    who = person(
        session, f"{name}@office.domain{number % 7}.example", country=story.country, kind=story.kind,
        company_id=1 if number % 5 == 0 else None,
    )  # fmt: skip
    if story.asked:
        consents(
            session, who, confirmed_at=story.confirmed, requested_at=NOW - timedelta(days=2000),
            withdrawn_at=story.withdrawn,
        )  # fmt: skip
    for place, bought in enumerate(story.orders):
        buys(session, who, number=f"{number}-{place}", **vars(bought))
    for objected in story.objections:
        _object(session, who, objected)
    for sent in story.sent:
        session.add(
            Exposure(
                address_id=who.address_id, channel="email", purpose=sent.purpose, basis=sent.basis, day=sent.at.date(),
                messages=sent.messages, last_at=sent.at,
            )
        )  # fmt: skip
    if version is not None and story.listed:
        session.add(ListHit(address_id=who.address_id, version_id=version, by_domain=False))
    if story.paused or story.most_per_month or story.topics_off:
        session.add(
            RecipientChoice(
                address_id=who.address_id, paused_until=story.paused, most_per_month=story.most_per_month,
                topics_off=story.topics_off,
            )
        )  # fmt: skip
    session.flush()
    if story.erased:
        session.execute(delete(Endpoint).where(Endpoint.id == who.endpoint_id))
        session.execute(delete(Contact).where(Contact.id == who.contact_id))
    return who


def _object(session: Session, who: Person, objected: Objected) -> None:
    host = who.email.rpartition("@")[2]
    above = host.partition(".")[2]
    named = {
        "address": {"address_id": who.address_id},
        "domain": {"domain_key": keys.address_key(f"@{host}")},
        "below": {"domain_key": keys.address_key(f"@{above}"), "below": [above]},
        "company": {"company_id": 1},
    }
    entry = SuppressionEntry(
        **named[objected.names],
        until=objected.until,
        cause=objected.cause,
        at=objected.at,
        channel=objected.channel,
        purpose=objected.purpose,
        controller_id=objected.controller_id,
        source="test",
        evidence={},
    )
    session.add(entry)
    if objected.lifted:
        session.flush()
        session.add(SuppressionLift(entry_id=entry.id, asked_by="a", agreed_by="b", reason="test"))
