"""Decisions as evidence: one per message, sealed, and the only key to a hand-over."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from contacts.models import TrackingLevel
from core import clock, evidence
from core.db import transaction
from delivery.models import Message, Run, Sender
from delivery.states import RunKind, RunState
from suppression import Cause, Stage, add, assess, record_decisions, seal_decisions
from suppression.models import DecisionContext, StoredDecision
from tests.suppression.people import QUESTION, Person, consents, everybody, person


def a_run(session: Session) -> int:
    sender = Sender(
        code="s", controller_id=1, from_name="S", from_address="s@house.example", return_domain="house.example"
    )
    session.add(sender)
    session.flush()
    run = Run(
        kind=RunKind.CAMPAIGN, name="r", sender_id=sender.id, purpose="newsletter", tracking=TrackingLevel.NONE,
        content={}, content_sha256=b"", state=RunState.OPEN,
    )  # fmt: skip
    session.add(run)
    session.flush()
    return run.id


def messages(session: Session, people: list[Person]) -> None:
    run = a_run(session)
    rows = [
        {"run_id": run, "address_id": who.address_id, "contact_id": who.contact_id, "state": "ready"} for who in people
    ]
    session.execute(insert(Message), rows)


def of_messages() -> object:
    return select(Message.id.label("message_id"), Message.address_id)


@pytest.fixture
def decided(database: str) -> dict[str, Person]:
    """Three messages with their decisions at the plan: one to send, two not."""
    with transaction() as session:
        people = {name: person(session, f"{name}@one.example") for name in ("yes", "objector", "stranger")}
        for name in ("yes", "objector"):
            consents(session, people[name], confirmed_at=clock.now() - timedelta(days=10))
        add(session, address_id=people["objector"].address_id, cause=Cause.COMPLAINT, at=clock.now(), source="test")
        messages(session, list(people.values()))
        assessment = assess(session, audience=everybody(), question=QUESTION)
        recorded = record_decisions(session, assessment, stage=Stage.PLAN, messages=of_messages())
        assert recorded.decisions == 3
    return people


def test_every_message_gets_a_decision_with_its_evidence(decided: dict[str, Person]) -> None:
    with transaction() as session:
        found = {row.address_id: row for row in session.scalars(select(StoredDecision))}
        (context,) = session.scalars(select(DecisionContext))
    yes, objector = found[decided["yes"].address_id], found[decided["objector"].address_id]
    assert (yes.verdict, yes.reasons, yes.basis) == ("send", ["consent"], "consent")
    assert yes.consent_id is not None
    assert (objector.verdict, objector.reasons) == ("block", ["complaint"])
    assert objector.entry_id is not None
    assert found[decided["stranger"].address_id].reasons == ["no_basis"]
    assert (context.stage, context.purpose, context.rules_version) == (Stage.PLAN, "newsletter", 1)
    assert context.list_versions == {"at.ecg.file": None}


def test_an_untouched_chain_is_whole(decided: dict[str, Person]) -> None:
    with transaction() as session:
        assert evidence.verify(session) == []


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE decision SET verdict = 'send' WHERE verdict = 'block'",
        "UPDATE decision SET reasons = '{consent}', basis = 'consent' WHERE reasons = '{no_basis}'",
        "DELETE FROM decision WHERE reasons = '{complaint}'",
        "UPDATE decision SET consent_id = NULL WHERE consent_id IS NOT NULL",
        "UPDATE decision SET batch_id = batch_id + 1000",
        "DELETE FROM evidence_batch WHERE chain = 'decision'",
    ],
)
def test_the_chain_shows_a_decision_that_was_changed_or_removed(decided: dict[str, Person], tampering: str) -> None:
    with pytest.raises(DBAPIError), transaction() as session:
        session.execute(text(tampering))
    with transaction() as session:
        # What somebody with the keys of the database can do: switch the triggers off.
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(tampering))
    with transaction() as session:
        assert [finding.chain for finding in evidence.verify(session)] != []


HAND_OVER = """
    UPDATE message SET state = 'handing_over', token = 1,
      decision_id = (SELECT max(id) FROM decision WHERE message_id = message.id AND verdict = :verdict)
    WHERE address_id = :address
"""


def _hand_over(session: Session, who: Person, verdict: str = "send") -> int:
    done = session.execute(text(HAND_OVER), {"address": who.address_id, "verdict": verdict})
    return done.rowcount  # type: ignore[attr-defined]


def test_a_gate_decision_opens_the_way_within_its_own_transaction(decided: dict[str, Person]) -> None:
    with transaction() as session:
        assessment = assess(session, audience=everybody(), question=QUESTION, recheck_lists=True)
        recorded = record_decisions(session, assessment, stage=Stage.GATE, messages=of_messages(), sealed=False)
        rows = {row.message_id: row for row in session.execute(recorded.rows)}
        assert sorted(row.code for row in rows.values()) == ["complaint", "consent", "no_basis"]
        assert _hand_over(session, decided["yes"]) == 1
        seal_decisions(session, recorded)
    with transaction() as session:
        assert evidence.verify(session) == []


def test_no_decision_no_send(decided: dict[str, Person]) -> None:
    attempts = [(decided["yes"], "send"), (decided["objector"], "block"), (decided["stranger"], "send")]
    for who, verdict in attempts:
        # The decision of the plan does not open the way, one that blocks does not, and neither does none at all.
        with pytest.raises(DBAPIError), transaction() as session:
            _hand_over(session, who, verdict)


def test_a_gate_decision_of_an_earlier_transaction_opens_nothing(decided: dict[str, Person]) -> None:
    with transaction() as session:
        assessment = assess(session, audience=everybody(), question=QUESTION, recheck_lists=True)
        record_decisions(session, assessment, stage=Stage.GATE, messages=of_messages())
    with pytest.raises(DBAPIError), transaction() as session:
        _hand_over(session, decided["yes"])


def test_a_message_outside_the_assessment_gets_no_decision(decided: dict[str, Person]) -> None:
    with transaction() as session:
        only = everybody().where(text("endpoint.address_id = :wanted").bindparams(wanted=decided["yes"].address_id))
        assessment = assess(session, audience=only, question=QUESTION)
        recorded = record_decisions(session, assessment, stage=Stage.PLAN, messages=of_messages())
    assert recorded.decisions == 1


def test_a_later_decision_about_a_message_is_told_apart_from_that_of_the_plan(decided: dict[str, Person]) -> None:
    with transaction() as session:
        add(session, address_id=decided["yes"].address_id, cause=Cause.OPTED_OUT, at=clock.now(), source="test")
        again = assess(session, audience=everybody(), question=QUESTION, recheck_lists=True)
        recorded = record_decisions(session, again, stage=Stage.GATE, messages=of_messages())
        found = {row.message_id: (row.verdict, row.code) for row in session.execute(recorded.rows)}
        assert sorted(found.values()) == [("block", "complaint"), ("block", "no_basis"), ("block", "opted_out")]
        assert len(session.execute(recorded.rows).all()) == recorded.decisions == 3
