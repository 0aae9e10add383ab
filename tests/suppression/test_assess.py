from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import BigInteger, func, literal, select

from contacts.models import Endpoint
from core import clock
from core.db import transaction
from core.errors import WrongInput
from suppression import Cause, RuleSettings, activate, add, assess, current, decide_address, samples
from suppression.models import StoredDecision
from suppression.rule_settings import months_before
from tests.suppression.people import QUESTION, buys, consents, everybody, person
from tracking.models import Exposure

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


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


def test_the_edges_of_the_periods_are_where_the_rules_put_them(database: str) -> None:
    second = timedelta(seconds=1)
    stale, lapsed = months_before(NOW, 18), months_before(NOW, 24)
    confirmed = {
        stale + second: "consent",
        stale: "consent_stale",
        lapsed: "consent_stale",
        lapsed - second: "consent_lapsed",
        NOW + timedelta(minutes=4): "consent",
        NOW + timedelta(minutes=6): "opt_in_unconfirmed",
    }
    ordered = {
        lapsed: "existing_customer",
        lapsed - second: "no_basis",
        NOW + timedelta(minutes=6): "no_basis",
    }
    expected = {}
    with transaction() as session:
        for number, (moment, code) in enumerate(confirmed.items()):
            who = person(session, f"consenting{number}@one.example")
            consents(session, who, confirmed_at=moment)
            expected[who.address_id] = code
        for number, (moment, code) in enumerate(ordered.items()):
            who = person(session, f"buying{number}@one.example")
            buys(session, who, number=str(number), ordered_at=moment)
            expected[who.address_id] = code
        rows = assess(session, audience=everybody(), question=QUESTION, as_of=NOW).rows
        assert dict(session.execute(select(rows.c.address_id, rows.c.code)).all()) == expected


def test_only_a_later_objection_outweighs_a_confirmation(database: str) -> None:
    confirmed, second = NOW - timedelta(days=10), timedelta(seconds=1)
    expected = {}
    with transaction() as session:
        for shift, code in ((-second, "consent"), (0 * second, "consent"), (second, "opted_out")):
            who = person(session, f"reader{shift.total_seconds()}@one.example")
            consents(session, who, confirmed_at=confirmed)
            add(session, address_id=who.address_id, cause=Cause.OPTED_OUT, at=confirmed + shift, source="test")
            expected[who.address_id] = code
        rows = assess(session, audience=everybody(), question=QUESTION, as_of=NOW).rows
        assert dict(session.execute(select(rows.c.address_id, rows.c.code)).all()) == expected


def test_the_last_use_of_a_consent_keeps_it_fresh_and_other_uses_do_not(database: str) -> None:
    uses = [("newsletter", "consent"), ("newsletter", "existing_customer"), ("survey", "consent")]
    with transaction() as session:
        for number, (purpose, basis) in enumerate(uses):
            who = person(session, f"reader{number}@one.example")
            consents(session, who, confirmed_at=months_before(NOW, 20))
            used = NOW - timedelta(days=90)
            session.add(
                Exposure(
                    address_id=who.address_id, channel="email", purpose=purpose, basis=basis, day=used.date(),
                    messages=1, last_at=used,
                )
            )  # fmt: skip
        session.flush()
        found = assess(session, audience=everybody(), question=QUESTION, as_of=NOW)
        assert found.counts()["reasons"] == {"consent_stale": 2, "consent": 1}


@pytest.mark.parametrize("contact_is_there", [False, True])
def test_who_is_gone_or_left_the_address_is_blocked_at_the_gate(database: str, contact_is_there: bool) -> None:
    with transaction() as session:
        gone = person(session, "gone@one.example")
        consents(session, gone, confirmed_at=NOW - timedelta(days=10))
        audience = select(
            literal(gone.contact_id + (not contact_is_there), BigInteger).label("contact_id"),
            literal(None, BigInteger).label("endpoint_id"),
            literal(gone.address_id, BigInteger).label("address_id"),
        )
        found = assess(session, audience=audience, question=QUESTION, as_of=NOW, recheck_lists=True)
        assert found.counts()["reasons"] == {"erased": 1}


def test_an_address_that_comes_twice_in_a_batch_is_decided_about_once(database: str) -> None:
    with transaction() as session:
        who, other = (person(session, f"{name}@one.example") for name in ("reader", "other"))
        consents(session, who, confirmed_at=NOW - timedelta(days=10))
        found = assess(
            session, audience=everybody().union_all(everybody()), question=QUESTION, as_of=NOW, recheck_lists=True
        )
        assert found.counts()["reasons"] == {"consent": 1, "no_basis": 1}
        assert sorted(session.scalars(select(found.rows.c.address_id))) == [who.address_id, other.address_id]


def test_nobody_is_a_fine_audience(database: str) -> None:
    with transaction() as session:
        found = assess(session, audience=everybody(), question=QUESTION)
        assert found.counts() == {"audience": 0, "send": 0, "hold": 0, "block": 0, "reasons": {}}
        assert samples(found) == {}


def test_one_transaction_may_ask_several_times(database: str) -> None:
    with transaction() as session:
        who = person(session, "reader@one.example")
        consents(session, who, confirmed_at=months_before(NOW, 20))
        before = assess(session, audience=everybody(), question=QUESTION, as_of=NOW)
        after = assess(
            session, audience=everybody(), question=QUESTION, as_of=NOW, released=frozenset({"consent_stale"})
        )
        assert before.counts()["hold"] == after.counts()["send"] == 1
        assert samples(before) == {"consent_stale": [who.contact_id]}
        row = session.execute(select(after.rows)).one()
        assert row.reasons == ["consent", "consent_stale:released"]


def test_samples_are_some_contacts_of_each_code_and_nobody_who_is_gone(database: str) -> None:
    with transaction() as session:
        strangers = [person(session, f"stranger{number}@one.example").contact_id for number in range(7)]
        agreed = person(session, "agreed@one.example")
        consents(session, agreed, confirmed_at=NOW - timedelta(days=9))
        gone = person(session, "gone@one.example")
        nobody = literal(None, BigInteger)
        erased = select(nobody, nobody, literal(gone.address_id, BigInteger))
        there = everybody().where(Endpoint.address_id != gone.address_id)
        found = assess(session, audience=there.union_all(erased), question=QUESTION, as_of=NOW)
        assert found.counts()["reasons"] == {"no_basis": 7, "consent": 1, "erased": 1}
        shown = samples(found)
        assert list(shown) == ["consent", "erased", "no_basis"]
        assert (shown["consent"], shown["erased"], len(shown["no_basis"])) == ([agreed.contact_id], [], 5)
        assert set(shown["no_basis"]) < set(strangers)
        assert len(samples(found, most=2)["no_basis"]) == 2


def test_deciding_about_one_address_changes_nothing(database: str) -> None:
    with transaction() as session:
        who = person(session, "reader@one.example")
        consents(session, who, confirmed_at=clock.now() - timedelta(days=9))
    with transaction() as session:
        found = decide_address(session, address="Reader@ONE.example", question=QUESTION)
        assert (found["verdict"], found["code"], found["basis"]) == ("send", "consent", "consent")
        assert found["evidence"]["consent"]["confirmed_at"] is not None
        assert (found["lists"], found["rules_version"]) == ({"at.ecg.file": None}, 1)
        stranger = decide_address(session, address="stranger@one.example", question=QUESTION)
        assert (stranger["verdict"], stranger["code"], stranger["evidence"]) == ("block", "no_basis", {})
        with pytest.raises(WrongInput):
            decide_address(session, address="nonsense", question=QUESTION)
        assert session.scalar(select(func.count()).select_from(StoredDecision)) == 0


def test_the_rules_in_force_are_versions(database: str) -> None:
    with transaction() as session:
        assert current(session).version == 1
        assert activate(session, RuleSettings(), actor="test").version == 1
        changed = activate(session, RuleSettings(stale_after_months=12), actor="test")
        assert changed.version > 1
        assert current(session) == changed
        assert activate(session, RuleSettings(), actor="test").version > changed.version
