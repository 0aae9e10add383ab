"""Blocks of the house: what they cover, that they stay, and that they only ever refuse."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import add_contact, email_address, erase, find_address
from contacts.models import Channel, Company, Controller
from core import clock, users
from core.db import transaction
from core.errors import CrusoeError, NotFound, WrongInput
from core.permissions import Role
from core.users import Actor
from suppression import (
    Block,
    BlockKind,
    Cause,
    Facts,
    Question,
    Verdict,
    add_block,
    add_blocks,
    assess,
    decide,
    decide_address,
    entries,
    open_case,
    target,
)
from suppression.facts import Objection
from suppression.models import SuppressionEntry
from suppression.rules import ANSWERS, book
from tests.suppression.people import QUESTION, Person, buys, consents, everybody, person
from tests.suppression.test_rules import anything, some_released

AT = datetime(2026, 11, 1, tzinfo=UTC)


def actor(session: Session) -> Actor:
    users.add(session, email="anna@house.example", role=Role.COMPLIANCE)
    return users.actor(session, "anna@house.example")


def block(what: str, **values: object) -> Block:
    return Block(target=target(what), **{"reason": "we decided it"} | values)  # type: ignore[arg-type]


def reasons(session: Session, question: Question = QUESTION) -> dict[str, int]:
    return assess(session, audience=everybody(), question=question).counts()["reasons"]  # type: ignore[no-any-return]


def test_each_way_of_naming_covers_what_it_says(database: str) -> None:
    with transaction() as session:
        house = Company(name="Rival GmbH", domain=None)
        session.add(house)
        session.flush()
        for name in ("a@rival.example", "b@mail.rival.example", "c@notrival.example", "d@shop.bücher.example"):
            contact = add_contact(session, email=email_address(name), country="DE")
            consents(session, Person(contact, 0, find_address(session, name) or 0, name), confirmed_at=AT)
        consents(session, person(session, "e@b2b.example", company_id=house.id), confirmed_at=AT)
        who = actor(session)
    for what, covered in (
        ("A@Rival.example", 1),
        ("@rival.example", 1),
        ("*.rival.example", 2),
        ("company:rival gmbh", 1),
        ("@Shop.BÜCHER.example", 1),
        ("*.Bücher.example", 1),
        ("@bücher.example", 0),
        ("*.xn--bcher-kva.example", 1),
    ):
        with transaction() as session:
            add_block(session, block(what), actor=who)
            wanted = {"internal_block": covered, "consent": 5 - covered}
            assert reasons(session) == {code: people for code, people in wanted.items() if people}, what
            session.rollback()


def test_a_block_counts_only_for_its_channel_purpose_brand_and_time(database: str) -> None:
    with transaction() as session:
        consents(session, person(session, "a@one.example"), confirmed_at=AT)
        other = Controller(code="other", name="Other", imprint="Other", country="AT")
        session.add(other)
        session.flush()
        who = actor(session)
        for scope in (
            {"channel": Channel.SMS},
            {"purpose": "surveys"},
            {"controller_id": other.id},
        ):
            add_block(session, block("a@one.example", **scope), actor=who)
        assert reasons(session) == {"consent": 1}
        add_block(session, block("a@one.example", until=clock.now() + timedelta(days=3)), actor=who)
        assert reasons(session) == {"internal_block": 1}
        later = assess(
            session, audience=everybody(), question=QUESTION, as_of=clock.now() + timedelta(days=4)
        ).counts()["reasons"]
        assert later == {"consent": 1}


def test_the_same_block_is_stored_once_and_a_wrong_one_is_named(database: str) -> None:
    with transaction() as session:
        who = actor(session)
        first = add_block(session, block("@one.example", kind=BlockKind.COMPETITOR), actor=who)
        again = add_block(session, block("@one.example", kind=BlockKind.COMPETITOR), actor=who)
        assert (first.created, again.created, again.entry_id) == (True, False, first.entry_id)
        assert add_block(session, block("*.one.example", kind=BlockKind.COMPETITOR), actor=who).created
        wrong = [
            block("company:Nobody"),
            block("@one.example", kind=BlockKind.DECEASED),
            block("a@one.example", until=AT),
            block("a@one.example", reason=" "),
            block("hash:" + "0" * 64),
        ]
        codes = [
            one.code for one in add_blocks(session, wrong, source="import", evidence={}) if isinstance(one, CrusoeError)
        ]
        assert codes == ["company_unknown", "kind_for_people", "until_past", "reason_missing", "hash_unknown"]
        with pytest.raises(NotFound):
            add_block(session, block("company:Nobody"), actor=who)


@pytest.mark.parametrize(
    "written", ["", "@", "*.", "company:", "hash:12", "@*.one.example", "two@@one.example", "one.example"]
)
def test_what_cannot_be_read_is_refused_with_how_to_write_it(written: str) -> None:
    with pytest.raises(WrongInput):
        target(written)


def test_a_block_survives_erasure_and_names_nobody(database: str) -> None:
    with transaction() as session:
        contact = add_contact(session, email=email_address("dora@one.example"), country="DE")
        add_block(session, block("dora@one.example", kind=BlockKind.DECEASED), actor=actor(session))
    with transaction() as session:
        erase(session, contact, actor="test")
    with transaction() as session:
        assert decide_address(session, address="Dora@one.example", question=QUESTION)["code"] == "deceased"
        assert "dora" not in str([(one.source, one.evidence) for one in session.scalars(select(SuppressionEntry))])


def test_what_stands_against_an_address_is_shown_with_its_domain_and_company(database: str) -> None:
    with transaction() as session:
        house = Company(name="Rival GmbH", domain=None)
        session.add(house)
        session.flush()
        who, by = person(session, "a@mail.rival.example", company_id=house.id), actor(session)
        for what in ("a@mail.rival.example", "@mail.rival.example", "*.rival.example", "company:Rival GmbH"):
            add_block(session, block(what), actor=by)
        found = entries(session, address_id=who.address_id)
        assert len(found) == 4
        assert sorted((one.by_domain, one.by_company) for one in found) == [
            (False, False), (False, True), (True, False), (True, False)
        ]  # fmt: skip


# How a block of each kind changes the facts about those it covers.
WORSE = {
    Cause.INTERNAL_BLOCK: {"internal_block": Objection.STANDING},
    Cause.DECEASED: {"deceased": True},
    Cause.RESTRICTED: {"restricted": True},
    Cause.MINOR: {"minor": True},
    Cause.CASE_OPEN: {"case_open": True},
    Cause.OPTED_OUT: {"opted_out": Objection.STANDING},
    Cause.COMPLAINT: {"complaint": Objection.STANDING},
    Cause.HARD_BOUNCE: {"hard_bounce": Objection.STANDING},
}


@given(
    facts=anything,
    cause=st.sampled_from(sorted(WORSE)),
    purpose=st.sampled_from(["newsletter", *sorted(ANSWERS)]),
    released=some_released,
)
def test_adding_a_block_never_turns_a_refusal_into_a_send(
    facts: Facts, cause: Cause, purpose: str, released: frozenset[str]
) -> None:
    before = decide(facts, book(purpose), released=released).verdict
    after = decide(replace(facts, **WORSE[cause]), book(purpose), released=released).verdict
    assert after.strictness >= before.strictness


def test_a_new_block_of_any_kind_and_scope_only_ever_refuses_more(database: str) -> None:
    """The same on the database: two hundred people in every situation, one block after the other."""
    dice = Random(7)
    with transaction() as session:
        house = Company(name="Rival GmbH", domain=None)
        session.add(house)
        session.flush()
        emails = [f"p{number}@{dice.choice(DOMAINS)}" for number in range(200)]
        crowd = [_somebody(session, email, dice, company_id=dice.choice([None, house.id])) for email in emails]
        by, before = actor(session), _verdicts(session)
        assert {verdict for found in before.values() for verdict in found.values()} == set(Verdict)
        for number in range(9):
            what = dice.choice([dice.choice(emails), "@mail.rival.example", "*.rival.example", "company:Rival GmbH"])
            kind = dice.choice(list(BlockKind) if "p" in what[:1] else [BlockKind.COMPETITOR])
            scope = {"channel": dice.choice([None, *Channel]), "purpose": dice.choice([None, "newsletter", "surveys"])}
            add_block(session, block(what, kind=kind, **scope), actor=by)
            if number % 4 == 0:
                email = email_address(dice.choice(emails))
                open_case(session, case=f"T-{number}", system="helpdesk", emails=[email], by="token:helpdesk")
            after = _verdicts(session)
            for purpose, found in after.items():
                for address_id, verdict in found.items():
                    was = before[purpose][address_id]
                    assert Verdict(verdict).strictness >= Verdict(was).strictness, (what, kind, scope, was, verdict)
            before = after
        assert len(crowd) == 200


DOMAINS = ("one.example", "mail.rival.example", "rival.example", "two.example")


def _somebody(session: Session, email: str, dice: Random, *, company_id: int | None) -> None:
    who = person(session, email, country=dice.choice(["DE", "AT", "FR", None]), company_id=company_id)
    days = dice.choice([None, 10, 600, 700, 1000])
    if days is not None:
        consents(session, who, confirmed_at=clock.now() - timedelta(days=days))
    if dice.random() < 0.3:
        buys(session, who, number=email, ordered_at=clock.now() - timedelta(days=dice.choice([5, 900])))


def _verdicts(session: Session) -> dict[str, dict[int, str]]:
    found = {}
    for purpose in ("newsletter", "transactional"):
        question = Question(channel="email", purpose=purpose, controller_id=1)
        rows = assess(session, audience=everybody(), question=question).rows
        found[purpose] = {row.address_id: row.verdict for row in session.execute(select(rows))}
    return found
