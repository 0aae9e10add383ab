"""What stays of a lift: who asked, who answered and why; and that no spelling and no haste makes one person two."""

from dataclasses import replace

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.audit import AuditEvent
from core.db import engine, transaction
from core.errors import NotAllowed, NotFound
from suppression import (
    Block,
    add_block,
    agree_to_lift,
    ask_to_lift,
    journal,
    journal_lines,
    open_requests,
    refuse_to_lift,
    target,
)
from suppression.lift_models import LiftAnswer
from suppression.lifting import store_lifts
from suppression.models import SuppressionEntry, SuppressionLift
from tests.suppression.test_lifting import blocked, somebody


def test_who_asked_who_answered_and_why_is_on_record_word_for_word(database: str) -> None:
    with transaction() as session:
        anna, bert = somebody(session, "anna"), somebody(session, "bert")
        _who, entry = blocked(session, anna)
        other = add_block(session, Block(target=target("other@two.example"), reason="rude"), actor=anna).entry_id
        first = ask_to_lift(session, entry_id=entry, actor=anna, reason=f"  {'x' * 1000}y ")
        second = ask_to_lift(session, entry_id=other, actor=bert, reason="by mistake")
        (one, two) = open_requests(session)
        assert (one.id, one.entry_id, one.cause, one.source, one.asked_by, one.reason) == (
            first, entry, "internal_block", one.source, "anna@house.example", "x" * 1000,
        )  # fmt: skip
        assert (two.id, two.entry_id, two.asked_by, two.reason) == (second, other, "bert@house.example", "by mistake")
        assert open_requests(session, entry_ids=[other]) == [two]
        assert open_requests(session, entry_ids=[]) == []
        with pytest.raises(NotAllowed, match="reason"):
            refuse_to_lift(session, request_id=first, actor=bert, reason="  ")
        refuse_to_lift(session, request_id=first, actor=bert, reason=" no ")
        assert open_requests(session) == [two]
        agree_to_lift(session, request_id=second, actor=anna, reason=" yes ")
        answers = {one.request_id: one for one in session.scalars(select(LiftAnswer))}
        assert {number: (one.agreed, one.answered_by, one.reason) for number, one in answers.items()} == {
            first: (False, "bert@house.example", "no"),
            second: (True, "anna@house.example", "yes"),
        }
        (lift,) = session.scalars(select(SuppressionLift))
        reference = session.get_one(SuppressionEntry, other).reference
        assert (lift.entry_id, lift.asked_by, lift.agreed_by, lift.reason) == (
            other, "bert@house.example", "anna@house.example", "by mistake",
        )  # fmt: skip
        noted = select(AuditEvent).where(AuditEvent.action.like("suppression.%lift")).order_by(AuditEvent.id)
        notes = session.scalars(noted).all()
        assert [(one.action, one.user_id, one.actor, one.object_id, one.reason, one.details) for one in notes] == [
            ("suppression.ask_lift", anna.id, anna.email, str(entry), "x" * 1000 + "y", {"request": first}),
            ("suppression.ask_lift", bert.id, bert.email, str(other), "by mistake", {"request": second}),
            ("suppression.refuse_lift", bert.id, bert.email, str(entry), "no", {"request": first}),
            (
                "suppression.lift", anna.id, anna.email, str(other), "by mistake",
                {"request": second, "asked_by": bert.email},
            ),
        ]  # fmt: skip
        assert {one.object_type for one in notes} == {"suppression_entry"}
    lines = [line for line in journal.read() if isinstance(line, journal_lines.Lift)]
    assert [(line.lifts, line.asked_by, line.agreed_by) for line in lines] == [
        (str(reference), bert.email, anna.email),
    ]


def test_nobody_agrees_alone_by_another_spelling_and_nothing_is_lifted_twice(database: str) -> None:
    with transaction() as session:
        anna, bert = somebody(session, "anna"), somebody(session, "bert")
        _who, entry = blocked(session, anna)
        request = ask_to_lift(session, entry_id=entry, actor=replace(anna, email="Anna@house.example"), reason="please")
        for spelling in ("anna@house.example", "ANNA@HOUSE.example"):
            with pytest.raises(NotAllowed, match="cannot agree"):
                agree_to_lift(session, request_id=request, actor=replace(anna, email=spelling))
        with pytest.raises(NotFound):
            agree_to_lift(session, request_id=request + 1, actor=bert)
        # The journal of another installation says that it was lifted meanwhile.
        store_lifts(session, [{"entry_id": entry, "asked_by": "carl", "agreed_by": "dora", "reason": "restored"}])
        assert open_requests(session) == []
        for answer in (agree_to_lift, refuse_to_lift):
            with pytest.raises(NotAllowed, match="lifted already"):
                answer(session, request_id=request, actor=bert, reason="fine")
        store_lifts(session, [{"entry_id": entry, "asked_by": "eva", "agreed_by": "fritz", "reason": "again"}])
        assert session.scalars(select(SuppressionLift.asked_by)).all() == ["carl"]
    assert [line.asked_by for line in journal.read() if isinstance(line, journal_lines.Lift)] == ["carl"]


def test_two_who_ask_at_once_queue(database: str) -> None:
    with transaction() as session:
        anna, bert = somebody(session, "anna"), somebody(session, "bert")
        _who, entry = blocked(session, anna)
    with Session(engine()) as first, first.begin():
        ask_to_lift(first, entry_id=entry, actor=anna, reason="please")
        with pytest.raises(DBAPIError, match="lock timeout") as waited, Session(engine()) as second, second.begin():
            second.execute(text("SET LOCAL lock_timeout = '50ms'"))
            ask_to_lift(second, entry_id=entry, actor=bert, reason="please")
        # It waits for the entry, before it looks whether somebody has asked; the audit log would be too late.
        assert "FROM suppression_entry" in str(waited.value.statement)
