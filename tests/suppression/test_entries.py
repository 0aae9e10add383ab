"""Entries: there at once, there for good."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from contacts import add_contact, email_address, ensure_addresses, erase
from contacts.models import Company
from core.db import engine, transaction
from core.errors import NotFound
from suppression import Cause, NewEntry, add, add_many, assess, decide_address, entries, journal, journal_lines
from suppression.entries import own_word
from suppression.models import SuppressionEntry, SuppressionLift
from tests.suppression.people import QUESTION, address_of, consents, everybody, person

AT = datetime(2026, 11, 1, tzinfo=UTC)


def opt_out(session: Session, address_id: int, **values: object) -> bool:
    scope = {"channel": "email", "purpose": "newsletter", "at": AT, "source": "test", "cause": Cause.OPTED_OUT}
    return add(session, address_id=address_id, **scope | values)


def test_the_same_objection_twice_is_one_entry(database: str) -> None:
    with transaction() as session:
        who = person(session, "reader@one.example")
        assert opt_out(session, who.address_id)
        assert not opt_out(session, who.address_id)
        assert opt_out(session, who.address_id, purpose=None)
        assert opt_out(session, who.address_id, at=AT + timedelta(seconds=1))
        assert len(entries(session, address_id=who.address_id)) == 3


def test_entries_of_one_moment_are_told_apart_by_cause_and_scope(database: str) -> None:
    with transaction() as session:
        house = Company(name="House GmbH")
        session.add(house)
        session.flush()
        who, other = person(session, "reader@one.example"), person(session, "other@two.example", company_id=house.id)
        apart = [
            {},
            {"cause": Cause.COMPLAINT},
            {"channel": None},
            {"purpose": None},
            {"controller_id": 1},
            {"at": AT - timedelta(seconds=1)},
        ]
        assert [opt_out(session, who.address_id, **one) for one in apart] == [True] * len(apart)
        assert [opt_out(session, who.address_id, **one) for one in apart] == [False] * len(apart)
        assert opt_out(session, other.address_id)
        session.add(
            SuppressionEntry(company_id=house.id, cause=Cause.INTERNAL_BLOCK, at=AT, source="test", evidence={})
        )
        session.flush()
        found = entries(session, address_id=who.address_id)
        assert [one.at for one in found] == [AT] * 5 + [AT - timedelta(seconds=1)]
        assert [one.id for one in found[:5]] == sorted((one.id for one in found[:5]), reverse=True)
        assert [one.cause for one in entries(session, address_id=other.address_id)] == [
            Cause.INTERNAL_BLOCK,
            Cause.OPTED_OUT,
        ]


def test_an_entry_is_shown_with_its_evidence_and_with_those_who_lifted_it(database: str) -> None:
    with transaction() as session:
        who = person(session, "reader@one.example")
        person(session, "other@two.example")
        opt_out(session, who.address_id, evidence={"file": "letters.csv", "line": 7})
        opt_out(session, who.address_id, at=AT - timedelta(days=1))
        for domain in ("one.example", "two.example"):
            key = address_of(f"x@{domain}").domain_key
            blocked = {"cause": Cause.INTERNAL_BLOCK, "at": AT - timedelta(days=2), "source": "test"}
            session.add(SuppressionEntry(domain_key=key, evidence={"domain": domain}, **blocked))
        session.flush()
        lifted = entries(session, address_id=who.address_id)[1]
        lift = SuppressionLift(entry_id=lifted.id, at=AT, asked_by="anna", agreed_by="bert", reason="a mistake")
        session.add(lift)
        session.flush()
        found = entries(session, address_id=who.address_id)
        assert [one.evidence for one in found] == [{"file": "letters.csv", "line": 7}, {}, {"domain": "one.example"}]
        assert [(one.lifted_at, one.lifted_by, one.lift_reason) for one in found] == [
            (None, None, None),
            (AT, "bert", "a mistake"),
            (None, None, None),
        ]


def test_many_at_once_count_only_what_is_new(database: str) -> None:
    with transaction() as session:
        people = [person(session, f"reader{number}@one.example") for number in range(3)]
        opt_out(session, people[0].address_id)
        wanted = [NewEntry(who.address_id, Cause.OPTED_OUT, AT, "test", "email", "newsletter") for who in people]
        assert add_many(session, wanted * 2) == 2
        assert add_many(session, []) == 0


def test_an_address_that_is_not_there_is_an_error(database: str) -> None:
    with pytest.raises(NotFound), transaction() as session:
        opt_out(session, 4711)


def test_entries_survive_erasure_and_come_back_with_the_address(database: str) -> None:
    email = email_address("Reader@one.example")
    with transaction() as session:
        contact = add_contact(session, email=email, country="DE")
        address_id = ensure_addresses(session, [email])[email.key]
        opt_out(session, address_id)
    with transaction() as session:
        erase(session, contact, actor="test")
    with transaction() as session:
        assert decide_address(session, address="reader@one.example", question=QUESTION)["code"] == "opted_out"
        add_contact(session, email=email_address("READER@one.example"), country="DE")
    with transaction() as session:
        assert assess(session, audience=everybody(), question=QUESTION).counts()["reasons"] == {"opted_out": 1}


def test_an_objection_of_somebody_we_do_not_know_waits_for_the_import(database: str) -> None:
    email = email_address("later@one.example")
    with transaction() as session:
        opt_out(session, ensure_addresses(session, [email])[email.key])
    with transaction() as session:
        add_contact(session, email=email, country="DE")
        assert assess(session, audience=everybody(), question=QUESTION).counts()["block"] == 1


@pytest.mark.parametrize("statement", ["UPDATE suppression_entry SET source = 'x'", "DELETE FROM suppression_entry"])
def test_the_database_refuses_to_change_an_entry(database: str, statement: str) -> None:
    with transaction() as session:
        opt_out(session, person(session, "reader@one.example").address_id)
    with pytest.raises(DBAPIError), transaction() as session:
        session.execute(text(statement))


def test_a_later_opt_in_answers_an_objection_but_not_an_internal_block(database: str) -> None:
    with transaction() as session:
        who = person(session, "reader@one.example")
        opt_out(session, who.address_id)
        consents(session, who, confirmed_at=AT + timedelta(days=1))
    with transaction() as session:
        assert assess(session, audience=everybody(), question=QUESTION).counts()["reasons"] == {"consent": 1}
        opt_out(session, who.address_id, cause=Cause.INTERNAL_BLOCK, purpose=None, channel=None)
        assert assess(session, audience=everybody(), question=QUESTION).counts()["reasons"] == {"internal_block": 1}


def test_an_opt_out_is_in_the_journal_when_it_is_answered_and_names_no_address(database: str, home: Path) -> None:
    with transaction() as session:
        who = person(session, "reader@one.example")
        opt_out(session, who.address_id)
        assert not journal.path().exists()
    (line,) = journal.read()
    assert (line.cause, line.purpose, journal_lines.moment(line)) == ("opted_out", "newsletter", AT)
    assert "reader" not in journal.path().read_text()
    assert journal.path().stat().st_mode & 0o077 == 0
    with transaction() as session:
        opt_out(session, who.address_id)
    assert len(list(journal.read())) == 1


def test_an_opt_out_that_was_rolled_back_is_not_in_the_journal(database: str, home: Path) -> None:
    with pytest.raises(RuntimeError), transaction() as session:
        opt_out(session, person(session, "reader@one.example").address_id)
        raise RuntimeError
    assert list(journal.read()) == []


def test_a_line_that_a_crash_cut_off_is_left_out(database: str, home: Path) -> None:
    with transaction() as session:
        opt_out(session, person(session, "reader@one.example").address_id)
    with journal.path().open("a") as file:
        file.write(json.dumps({"entry": 2})[:5])
    assert len(list(journal.read())) == 1


def test_an_opt_out_waits_for_a_gate_that_shares_the_address(database: str) -> None:
    with transaction() as session:
        who = person(session, "reader@one.example")
    stored = threading.Event()

    def object_now() -> None:
        with transaction() as other:
            opt_out(other, who.address_id)
        stored.set()

    with Session(engine()) as gate, gate.begin():
        gate.execute(text("SELECT 1 FROM address WHERE id = :id FOR SHARE"), {"id": who.address_id})
        thread = threading.Thread(target=object_now)
        thread.start()
        assert not stored.wait(0.3)
    thread.join(timeout=10)
    assert stored.is_set()


def test_only_complaints_and_objections_by_the_own_hands_are_the_persons_own_word() -> None:
    sources = ("one_click", "page", "preferences", "import", "letter")
    found = {(cause, source) for cause in Cause for source in sources if own_word(cause=cause, source=source)}
    assert found == {(Cause.COMPLAINT, source) for source in sources} | {
        (Cause.OPTED_OUT, source) for source in sources[:3]
    }
