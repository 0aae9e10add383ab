"""Whatever people, consents, orders, objections and lists there are: the database sorts them as the slow way does."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contacts.models import Contact, Endpoint, RecipientChoice
from core import keys
from core.db import engine
from suppression import Cause, Question, RuleSettings, activate, assess
from suppression.models import ListHit, ListVersion, SuppressionEntry, SuppressionLift, VersionState
from suppression.rule_settings import Cap, RequiredList, months_before
from tests.suppression.people import QUESTION, Person, buys, consents, everybody, person
from tests.suppression.reference import decide_slowly
from tracking.models import Exposure

NOW = datetime(2026, 8, 31, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

# The edges of every period, a second before and after them, and some days between.
EDGES = [months_before(NOW, 18), months_before(NOW, 24), NOW, NOW - timedelta(days=7), NOW - timedelta(days=30)]
moments = st.sampled_from(
    [edge + shift for edge in EDGES for shift in (-SECOND, timedelta(0), SECOND)]
    + [NOW - timedelta(days=days) for days in (1, 100, 400, 600, 1000)]
    + [NOW + timedelta(days=2)]
)
maybe = st.none() | moments


@dataclass(frozen=True)
class Objected:
    cause: Cause
    at: datetime
    channel: str | None
    purpose: str | None
    controller_id: int | None
    lifted: bool
    by_domain: bool


@dataclass(frozen=True)
class Sent:
    at: datetime
    purpose: str
    basis: str
    messages: int


@dataclass(frozen=True)
class Story:
    country: str | None
    asked: bool
    confirmed: datetime | None
    withdrawn: datetime | None
    listed: bool
    erased: bool
    paused: datetime | None
    most_per_month: int | None
    orders: list[tuple[datetime, bool]] = field(default_factory=list)
    objections: list[Objected] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)


stories = st.builds(
    Story,
    country=st.sampled_from(["AT", "DE", None]),
    asked=st.booleans(),
    confirmed=maybe,
    withdrawn=st.one_of(st.none(), st.none(), moments),
    listed=st.booleans(),
    erased=st.sampled_from([False] * 9 + [True]),
    paused=st.one_of(st.none(), st.none(), moments),
    most_per_month=st.none() | st.integers(1, 3),
    orders=st.lists(st.tuples(moments, st.booleans()), max_size=2),
    objections=st.lists(
        st.builds(
            Objected,
            cause=st.sampled_from(Cause),
            at=moments,
            channel=st.sampled_from([None, "email", "phone"]),
            purpose=st.sampled_from([None, "newsletter", "survey"]),
            controller_id=st.sampled_from([None, 1]),
            lifted=st.booleans(),
            by_domain=st.sampled_from([False, False, False, True]),
        ),
        max_size=2,
    ),
    sent=st.lists(
        st.builds(
            Sent,
            at=moments,
            purpose=st.sampled_from(["newsletter", "survey", "transactional"]),
            basis=st.sampled_from(["consent", "existing_customer"]),
            messages=st.integers(1, 2),
        ),
        max_size=3,
        unique_by=lambda sent: (sent.at.date(), sent.purpose, sent.basis),
    ),
)
questions = st.sampled_from([QUESTION, QUESTION, Question("email", "transactional", 1), Question("email", "survey", 1)])
rule_settings = st.builds(
    RuleSettings,
    caps=st.lists(
        st.builds(
            Cap,
            messages=st.integers(1, 3),
            days=st.sampled_from([7, 30]),
            purpose=st.sampled_from([None, "newsletter"]),
        ),
        max_size=2,
    ).map(tuple),
    required_lists=st.sampled_from(
        [
            (RequiredList(list_id="at.ecg.file", countries=("AT",)),),
            (RequiredList(list_id="at.ecg.file", countries=("AT",), unknown_country=False, max_age_days=5),),
            (),
        ]
    ),
)
list_ages = st.none() | st.sampled_from([timedelta(days=1), timedelta(days=30), timedelta(days=30, seconds=1)])


@pytest.fixture
def session(database: str) -> Iterator[Session]:
    with Session(engine()) as opened:
        yield opened


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(stories, min_size=1, max_size=8), questions, rule_settings, list_ages)
def test_the_database_sorts_people_as_the_slow_way_does(
    session: Session, told: list[Story], question: Question, rules: RuleSettings, list_age: timedelta | None
) -> None:
    session.rollback()
    activate(session, rules, actor="test")
    version = _list(session, list_age)
    people = [_tell(session, number, story, version) for number, story in enumerate(told)]
    found = assess(session, audience=everybody(), question=question, as_of=NOW)
    rows = {row.address_id: row for row in session.execute(select(found.rows))}
    for who, story in zip(people, told, strict=True):
        if story.erased:
            continue
        expected = decide_slowly(session, address_id=who.address_id, question=question, settings=rules, as_of=NOW)
        row = rows[who.address_id]
        assert (row.verdict, tuple(row.reasons), row.basis) == (
            expected.verdict.value,
            expected.reasons,
            expected.basis and expected.basis.value,
        ), story
    assert found.counts()["audience"] == sum(not story.erased for story in told) == len(rows)
    session.rollback()


def _list(session: Session, age: timedelta | None) -> int | None:
    if age is None:
        return None
    version = ListVersion(
        list_id="at.ecg.file",
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
    who = person(session, f"reader{number}@domain{number % 3}.example", country=story.country)
    if story.asked:
        consents(
            session, who, confirmed_at=story.confirmed, requested_at=NOW - timedelta(days=2000),
            withdrawn_at=story.withdrawn,
        )  # fmt: skip
    for place, (ordered_at, notice) in enumerate(story.orders):
        buys(session, who, number=f"{number}-{place}", ordered_at=ordered_at, notice=notice)
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
    if story.paused or story.most_per_month:
        session.add(
            RecipientChoice(
                address_id=who.address_id, paused_until=story.paused, most_per_month=story.most_per_month, topics_off=[]
            )
        )
    session.flush()
    if story.erased:
        session.execute(delete(Endpoint).where(Endpoint.id == who.endpoint_id))
        session.execute(delete(Contact).where(Contact.id == who.contact_id))
    return who


def _object(session: Session, who: Person, objected: Objected) -> None:
    domain = keys.address_key("@" + who.email.rpartition("@")[2])
    entry = SuppressionEntry(
        address_id=None if objected.by_domain else who.address_id,
        domain_key=domain if objected.by_domain else None,
        cause=objected.cause,
        at=objected.at,
        channel=objected.channel,
        purpose=objected.purpose,
        controller_id=objected.controller_id,
        source="test",
        evidence={},
    )
    session.add(entry)
    session.flush()
    if objected.lifted:
        session.add(SuppressionLift(entry_id=entry.id, asked_by="a", agreed_by="b", reason="test"))
