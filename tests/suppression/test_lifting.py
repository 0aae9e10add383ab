"""An entry stops to count when two people want it, and not one minute or one person earlier."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from contacts import email_address
from core import users
from core.audit import AuditEvent
from core.db import transaction
from core.errors import NotAllowed, NotFound
from core.permissions import GRANTS, Permission, Role
from core.users import Actor
from suppression import (
    Block,
    Cause,
    add,
    add_block,
    agree_to_lift,
    ask_to_lift,
    assess,
    close_case,
    entries,
    open_case,
    open_requests,
    refuse_to_lift,
    target,
)
from suppression.models import SuppressionLift
from tests.suppression.people import QUESTION, Person, consents, everybody, person

AT = datetime(2026, 11, 1, tzinfo=UTC)


def somebody(session: Session, name: str, role: Role = Role.COMPLIANCE) -> Actor:
    users.add(session, email=f"{name}@house.example", role=role)
    return users.actor(session, f"{name}@house.example")


def blocked(session: Session, by: Actor) -> tuple[Person, int]:
    who = person(session, "reader@one.example")
    consents(session, who, confirmed_at=AT)
    return who, add_block(session, Block(target=target("reader@one.example"), reason="rude"), actor=by).entry_id


def reasons(session: Session) -> dict[str, int]:
    return assess(session, audience=everybody(), question=QUESTION).counts()["reasons"]  # type: ignore[no-any-return]


def test_one_asks_another_agrees_and_both_are_on_record(database: str) -> None:
    with transaction() as session:
        anna, bert = somebody(session, "anna"), somebody(session, "bert")
        who, entry = blocked(session, anna)
        request = ask_to_lift(session, entry_id=entry, actor=anna, reason="he said sorry")
        assert reasons(session) == {"internal_block": 1}
        assert [(one.entry_id, one.asked_by, one.reason) for one in open_requests(session)] == [
            (entry, "anna@house.example", "he said sorry")
        ]
        assert agree_to_lift(session, request_id=request, actor=bert, reason="heard it") == entry
        assert reasons(session) == {"consent": 1}
        assert open_requests(session) == []
        (found,) = entries(session, address_id=who.address_id)
        assert (found.lifted_by, found.lift_reason) == ("bert@house.example", "he said sorry")
        with pytest.raises(NotAllowed, match="lifted already"):
            ask_to_lift(session, entry_id=entry, actor=anna, reason="again")
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("suppression.%")))
        assert list(actions) == ["suppression.block", "suppression.ask_lift", "suppression.lift"]


def test_a_lift_by_one_person_never_works(database: str) -> None:
    """Every order of up to three steps that one person can take, in every role: the entry stands."""
    with transaction() as session:
        people = [somebody(session, role.value, role) for role in Role]
        _who, entry = blocked(session, people[0])
    for actor in people:
        for steps in product(("ask", "agree", "refuse"), repeat=3):
            with transaction() as session:
                request = 0
                for step in steps:
                    try:
                        if step == "ask":
                            request = ask_to_lift(session, entry_id=entry, actor=actor, reason="please")
                        elif step == "agree":
                            agree_to_lift(session, request_id=request, actor=actor, reason="fine")
                        else:
                            refuse_to_lift(session, request_id=request, actor=actor, reason="no")
                    except (NotAllowed, NotFound):
                        pass
                    assert session.scalars(select(SuppressionLift)).all() == [], (actor.role, steps)
                session.rollback()


def test_the_database_refuses_a_lift_by_one_person_too(database: str) -> None:
    with transaction() as session:
        _who, entry = blocked(session, somebody(session, "anna"))
    for agreed_by in ("anna@house.example", "Anna@HOUSE.example"):
        with pytest.raises(DBAPIError, match="two_people"), transaction() as session:
            session.execute(
                insert(SuppressionLift).values(
                    entry_id=entry, asked_by="anna@house.example", agreed_by=agreed_by, reason="why not"
                )
            )


@pytest.mark.parametrize("statement", ["UPDATE lift_request SET asked_by = 'x'", "DELETE FROM lift_answer"])
def test_requests_and_answers_are_never_changed(database: str, statement: str) -> None:
    with pytest.raises(DBAPIError), transaction() as session:
        session.execute(text(statement))


def test_who_agrees_needs_the_permission_and_who_asks_a_reason(database: str) -> None:
    with transaction() as session:
        anna = somebody(session, "anna")
        _who, entry = blocked(session, anna)
        with pytest.raises(NotAllowed, match="reason"):
            ask_to_lift(session, entry_id=entry, actor=anna, reason="  ")
        with pytest.raises(NotAllowed, match="permission"):
            ask_to_lift(session, entry_id=entry, actor=somebody(session, "sales", Role.SALES), reason="please")
        with pytest.raises(NotFound):
            ask_to_lift(session, entry_id=entry + 1, actor=anna, reason="please")
        marketer = somebody(session, "marketer", Role.MARKETER)
        request = ask_to_lift(session, entry_id=entry, actor=marketer, reason="please")
        with pytest.raises(NotAllowed, match="asked for this already"):
            ask_to_lift(session, entry_id=entry, actor=anna, reason="me too")
        for role in set(Role) - {Role.MARKETER, Role.SALES}:
            if Permission.EDIT_SUPPRESSION not in GRANTS[role]:
                with pytest.raises(NotAllowed, match="permission"):
                    agree_to_lift(session, request_id=request, actor=somebody(session, role.value, role))


def test_a_refused_request_changes_nothing_and_can_be_asked_again(database: str) -> None:
    with transaction() as session:
        anna, bert = somebody(session, "anna"), somebody(session, "bert")
        _who, entry = blocked(session, anna)
        first = ask_to_lift(session, entry_id=entry, actor=anna, reason="please")
        refuse_to_lift(session, request_id=first, actor=bert, reason="no")
        with pytest.raises(NotAllowed, match="answered already"):
            agree_to_lift(session, request_id=first, actor=bert)
        assert reasons(session) == {"internal_block": 1}
        second = ask_to_lift(session, entry_id=entry, actor=bert, reason="now I think so too")
        refuse_to_lift(session, request_id=second, actor=bert, reason="taken back")
        third = ask_to_lift(session, entry_id=entry, actor=bert, reason="after all")
        agree_to_lift(session, request_id=third, actor=anna)
        assert reasons(session) == {"consent": 1}


def test_what_the_person_said_is_answered_by_the_person_alone(database: str) -> None:
    with transaction() as session:
        anna = somebody(session, "anna")
        for number, (cause, source) in enumerate(
            [(Cause.OPTED_OUT, "one_click"), (Cause.OPTED_OUT, "page"), (Cause.COMPLAINT, "import")]
        ):
            who = person(session, f"p{number}@one.example")
            add(session, address_id=who.address_id, cause=cause, at=AT, source=source)
            (entry,) = entries(session, address_id=who.address_id)
            with pytest.raises(NotAllowed, match="The person said this"):
                ask_to_lift(session, entry_id=entry.id, actor=anna, reason="customer is king")
            consents(session, who, confirmed_at=AT + timedelta(days=1))
        assert reasons(session) == {"consent": 3}


def test_an_open_case_holds_its_people_until_the_same_system_closes_it(database: str) -> None:
    with transaction() as session:
        emails = [email_address(f"p{number}@one.example") for number in range(3)]
        for email in emails[:2]:
            consents(session, person(session, email.value), confirmed_at=AT)
        assert open_case(session, case="T-1", system="crm", emails=emails, by="token:crm").people == 3
        assert open_case(session, case=" T-1", system="crm", emails=emails[:1], by="token:crm").people == 0
        assert reasons(session) == {"case_open": 2}
        (entry,) = entries(
            session, address_id=session.scalar(select(everybody().subquery().c.address_id).limit(1)) or 0
        )
        with pytest.raises(NotAllowed, match="ends with the case"):
            ask_to_lift(session, entry_id=entry.id, actor=somebody(session, "anna"), reason="please")
        with pytest.raises(NotFound):
            close_case(session, case="T-1", system="shop", by="token:shop")
        assert close_case(session, case="T-1", system="crm", by="token:crm").people == 3
        assert reasons(session) == {"consent": 2}
        with pytest.raises(NotFound):
            close_case(session, case="T-1", system="crm", by="token:crm")
        assert open_case(session, case="T-1", system="crm", emails=emails[:1], by="token:crm").people == 1
        assert reasons(session) == {"case_open": 1, "consent": 1}
