"""A decision is explained with everything that it rested on, however many messages are asked about."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, event, literal, select
from sqlalchemy.orm import Session

from core.db import engine
from suppression import Cause, Question, Stage, add, assess, consents_of, explain, record_decisions
from tests.suppression.people import Person, buys, consents, everybody, person
from tracking.models import Exposure

QUESTION = Question(channel="email", purpose="newsletter", controller_id=1)
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def _decide(session: Session, who: Person, message_id: int, *, stage: Stage = Stage.GATE) -> None:
    assessment = assess(session, audience=everybody(), question=QUESTION, as_of=NOW)
    about = select(
        literal(message_id, BigInteger).label("message_id"), literal(who.address_id, BigInteger).label("address_id")
    )
    record_decisions(session, assessment, stage=stage, messages=about)


def test_a_decision_is_explained_by_its_consent_order_entry_and_lists(database: str) -> None:
    with Session(engine()) as session:
        agreed, customer, objector = (person(session, f"{name}@one.example") for name in ("a", "b", "c"))
        consents(session, agreed, confirmed_at=NOW - timedelta(days=30))
        buys(session, customer, number="R-1", ordered_at=NOW - timedelta(days=9))
        consents(session, objector, confirmed_at=NOW - timedelta(days=30))
        at = NOW - timedelta(days=1)
        add(session, address_id=objector.address_id, cause=Cause.OPTED_OUT, at=at, source="letter")
        for number, who in enumerate((agreed, customer, objector), start=1):
            _decide(session, who, number)
        (first,) = explain(session, address_id=agreed.address_id, message_ids=[1, 2, 3])
        assert (first.verdict, first.basis, first.consent["confirmed_at"]) == (
            "send", "consent", NOW - timedelta(days=30),
        )  # fmt: skip
        assert first.lists == {"at.ecg.file": None}
        (second,) = explain(session, address_id=customer.address_id, message_ids=[2])
        assert (second.basis, second.order.number, second.consent) == ("existing_customer", "R-1", None)
        (third,) = explain(session, address_id=objector.address_id, message_ids=[3])
        assert (third.reasons[0], third.entry.source, third.entry.at) == ("opted_out", "letter", at)


def test_nobody_is_told_about_the_decisions_of_another_address(database: str) -> None:
    with Session(engine()) as session:
        one, other = person(session, "a@one.example"), person(session, "b@one.example")
        _decide(session, one, 1)
        assert explain(session, address_id=other.address_id, message_ids=[1]) == ()


def test_the_newest_decision_comes_first(database: str) -> None:
    with Session(engine()) as session:
        who = person(session, "a@one.example")
        _decide(session, who, 1, stage=Stage.PLAN)
        _decide(session, who, 1)
        found = explain(session, address_id=who.address_id, message_ids=[1])
        assert [one.stage for one in found] == ["gate", "plan"]


def test_a_hundred_decisions_take_as_many_queries_as_one(database: str) -> None:
    with Session(engine()) as session:
        who = person(session, "a@one.example")
        consents(session, who, confirmed_at=NOW - timedelta(days=30))
        for number in range(1, 31):
            _decide(session, who, number)
        asked: list[str] = []
        listener = lambda *given: asked.append(given[2])  # noqa: E731
        event.listen(engine(), "before_cursor_execute", listener)
        explain(session, address_id=who.address_id, message_ids=[1])
        one, asked[:] = len(asked), []
        assert len(explain(session, address_id=who.address_id, message_ids=range(1, 31))) == 30
        assert len(asked) == one
        event.remove(engine(), "before_cursor_execute", listener)


def test_the_record_of_a_consent_says_when_it_was_first_and_last_used(database: str) -> None:
    with Session(engine()) as session:
        who = person(session, "a@one.example")
        consents(session, who, confirmed_at=NOW - timedelta(days=90))
        for days, messages, basis in ((80, 1, "consent"), (10, 2, "consent"), (1, 1, "existing_customer")):
            at = NOW - timedelta(days=days)
            session.add(
                Exposure(
                    address_id=who.address_id, channel="email", purpose="newsletter", basis=basis, day=at.date(),
                    messages=messages, last_at=at,
                )
            )  # fmt: skip
        session.flush()
        (record,) = consents_of(session, who.address_id)
        assert (record["first_use_on"], record["last_use_at"], record["messages"]) == (
            (NOW - timedelta(days=80)).date(), NOW - timedelta(days=10), 3,
        )  # fmt: skip
