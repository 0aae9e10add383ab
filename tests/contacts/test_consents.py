"""Each step of a consent leaves evidence; the state follows from the steps and only moves forward."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from contacts import (
    Asked,
    Confirmed,
    LandingViewed,
    MailSent,
    Withdrawn,
    confirm_consent,
    consent_records,
    email_address,
    ensure_addresses,
    note_consent_step,
    request_consent,
    save_consent_text,
    withdraw_consent,
)
from core.db import transaction
from core.errors import NotFound, WrongInput
from core.evidence import verify
from tests.contacts.files import rows

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def anna(database):
    email = email_address("anna@firma.example")
    with transaction() as session:
        return ensure_addresses(session, [email])[email.key]


def ask(session, anna, at=MONDAY, version="nl-1"):
    evidence = Asked(text_version=version, ip="198.51.100.7", user_agent="Firefox", token_hash="ab" * 32)
    return request_consent(session, address_id=anna, controller_id=1, purpose="newsletter", at=at, evidence=evidence)


def state():
    ((version, requested, confirmed, withdrawn),) = rows(
        "SELECT text_version, requested_at, confirmed_at, withdrawn_at FROM consent"
    )
    return version, requested, confirmed, withdrawn


def test_the_whole_way_of_a_double_opt_in_is_on_record(anna):
    with transaction() as session:
        consent = ask(session, anna)
    with transaction() as session:
        note_consent_step(session, consent_id=consent, at=MONDAY + HOUR, evidence=MailSent(smtp_response="250 ok"))
        note_consent_step(session, consent_id=consent, at=MONDAY + 2 * HOUR, evidence=LandingViewed(ip="198.51.100.8"))
    assert state() == ("nl-1", MONDAY, None, None)
    with transaction() as session:
        assert confirm_consent(session, consent_id=consent, at=MONDAY + 3 * HOUR, evidence=Confirmed(ip="198.51.100.8"))
    assert state() == ("nl-1", MONDAY, MONDAY + 3 * HOUR, None)
    events = rows("SELECT step::text, evidence FROM consent_event ORDER BY id")
    assert [step for step, _ in events] == ["requested", "mail_sent", "landing_viewed", "confirmed"]
    with transaction() as session:
        record = consent_records(session, [consent])[consent]
    assert record["steps"][0]["ip"] == "198.51.100.7"
    assert "198.51.100.7" not in str(events)
    assert events[0][1]["purpose"] == "newsletter"
    assert events[3][1]["method"] == "POST"
    assert events[3][1]["controller_name"]
    with transaction() as session:
        assert verify(session) == []


def test_confirming_twice_at_one_moment_is_one_confirmation(anna):
    with transaction() as session:
        consent = ask(session, anna)
        assert confirm_consent(session, consent_id=consent, at=MONDAY + HOUR, evidence=Confirmed())
        assert not confirm_consent(session, consent_id=consent, at=MONDAY + HOUR, evidence=Confirmed())
        assert not confirm_consent(session, consent_id=consent, at=MONDAY, evidence=Confirmed())
    assert rows("SELECT count(*) FROM consent_event WHERE step = 'confirmed'") == [(1,)]


def test_asking_again_leaves_a_consent_that_holds_and_renews_an_open_one(anna):
    with transaction() as session:
        consent = ask(session, anna)
        assert ask(session, anna, at=MONDAY + HOUR, version="nl-2") == consent
    assert state() == ("nl-2", MONDAY + HOUR, None, None)
    with transaction() as session:
        confirm_consent(session, consent_id=consent, at=MONDAY + 2 * HOUR, evidence=Confirmed())
        ask(session, anna, at=MONDAY + 3 * HOUR, version="nl-3")
    assert state() == ("nl-2", MONDAY + HOUR, MONDAY + 2 * HOUR, None)


def test_a_withdrawal_counts_until_a_later_confirmation(anna):
    with transaction() as session:
        consent = ask(session, anna)
        confirm_consent(session, consent_id=consent, at=MONDAY + HOUR, evidence=Confirmed())
        by_link = Withdrawn(through="unsubscribe link")
        assert withdraw_consent(session, address_id=anna, at=MONDAY + 2 * HOUR, evidence=by_link) == [consent]
        assert withdraw_consent(session, address_id=anna, at=MONDAY + 2 * HOUR, evidence=by_link) == []
        assert withdraw_consent(session, address_id=anna, purpose="other", at=MONDAY + 3 * HOUR, evidence=by_link) == []
    assert state()[3] == MONDAY + 2 * HOUR
    with transaction() as session:
        confirm_consent(session, consent_id=consent, at=MONDAY + 4 * HOUR, evidence=Confirmed())
    assert state()[2:] == (MONDAY + 4 * HOUR, None)


def test_nothing_is_confirmed_before_it_was_requested_or_without_a_time_zone(anna):
    with transaction() as session:
        consent = ask(session, anna)
    with transaction() as session, pytest.raises(WrongInput):
        confirm_consent(session, consent_id=consent, at=MONDAY - HOUR, evidence=Confirmed())
    with transaction() as session, pytest.raises(ValueError, match="time zone"):
        confirm_consent(session, consent_id=consent, at=datetime(2026, 1, 6), evidence=Confirmed())  # noqa: DTZ001
    with transaction() as session, pytest.raises(NotFound):
        confirm_consent(session, consent_id=consent + 1, at=MONDAY, evidence=Confirmed())


def test_evidence_cannot_be_changed_or_removed(anna):
    with transaction() as session:
        ask(session, anna)
    for statement in ("UPDATE consent_event SET at = now()", "DELETE FROM consent_event", "TRUNCATE consent_event"):
        with pytest.raises(DBAPIError, match="is evidence"), transaction() as session:
            session.execute(text(statement))


def test_words_that_people_agreed_to_are_never_changed(database):
    with transaction() as session:
        assert save_consent_text(session, version="nl-1", locale="en", text="I agree.")
        assert not save_consent_text(session, version="nl-1", locale="en", text="I agree.")
        with pytest.raises(WrongInput):
            save_consent_text(session, version="nl-1", locale="en", text="I agree to more.")
