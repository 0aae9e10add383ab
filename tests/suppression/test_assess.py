from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.db import transaction
from suppression import Cause, add, assess
from tests.suppression.people import QUESTION, buys, consents, everybody, person

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def codes(session: Session, **options: object) -> dict[int, tuple[str, str]]:
    found = assess(session, audience=everybody(), question=QUESTION, as_of=NOW, **options)
    return {row.address_id: (row.verdict, row.code) for row in session.execute(select(found.rows))}


def test_each_recipient_is_counted_once_under_the_rule_that_refuses_it(database: str) -> None:
    with transaction() as session:
        fresh = person(session, "fresh@one.example")
        consents(session, fresh, confirmed_at=NOW - timedelta(days=30))
        customer = person(session, "customer@one.example")
        buys(session, customer, number="1", ordered_at=NOW - timedelta(days=300))
        person(session, "nobody@one.example")
        unknown = person(session, "unknown@one.example", country=None)
        consents(session, unknown, confirmed_at=NOW - timedelta(days=30))
        objector = person(session, "objector@one.example")
        consents(session, objector, confirmed_at=NOW - timedelta(days=30))
        add(
            session,
            address_id=objector.address_id,
            cause=Cause.OPTED_OUT,
            at=NOW - timedelta(days=3),
            source="test",
            purpose="newsletter",
        )
    with transaction() as session:
        found = assess(session, audience=everybody(), question=QUESTION, as_of=NOW)
        assert found.counts() == {
            "audience": 5,
            "send": 2,
            "hold": 1,
            "block": 2,
            "reasons": {"consent": 1, "existing_customer": 1, "no_basis": 1, "list_outdated": 1, "opted_out": 1},
        }
