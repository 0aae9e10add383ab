"""Moments that are equal, steps that overtake each other, and whose consent a step is about."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from contacts import (
    Asked,
    Confirmed,
    Keeping,
    Withdrawn,
    confirm_consent,
    request_consent,
    withdraw_consent,
)
from contacts.consent_models import Consent, Proof
from contacts.models import Channel
from core.db import transaction
from core.errors import NotFound, WrongInput
from tests import factories
from tests.contacts.files import rows

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
BY_LETTER = Withdrawn(through="letter")


@pytest.fixture
def anna(database):
    with transaction() as session:
        return factories.people(session, ["anna"], consent=False)["anna"]


def ask(session, anna, *, at=MONDAY, version="nl-1", controller=1, purpose="newsletter", keeping=None, **more):
    return request_consent(
        session,
        address_id=anna,
        controller_id=controller,
        purpose=purpose,
        at=at,
        evidence=Asked(text_version=version, ip="198.51.100.7"),
        keeping=keeping,
        **more,
    )


def state(consent):
    ((*found,),) = rows(f"SELECT basis, text_version, confirmed_at, withdrawn_at FROM consent WHERE id = {consent}")
    return tuple(found)


def test_a_later_confirmation_brings_its_own_words_and_basis_or_leaves_both(anna):
    with transaction() as session:
        consent = ask(session, anna)
        confirm_consent(session, consent_id=consent, at=MONDAY + HOUR, evidence=Confirmed(), basis="written")
    assert state(consent) == ("written", "nl-1", MONDAY + HOUR, None)
    with transaction() as session:
        confirm_consent(session, consent_id=consent, at=MONDAY + 2 * HOUR, evidence=Confirmed(), basis=None)
    assert state(consent) == ("written", "nl-1", MONDAY + 2 * HOUR, None)
    with transaction() as session:
        again = Confirmed(ip="198.51.100.9")
        confirm_consent(session, consent_id=consent, at=MONDAY + 3 * HOUR, evidence=again, text_version="nl-2")
    assert state(consent) == ("double_opt_in", "nl-2", MONDAY + 3 * HOUR, None)
    said = rows("SELECT evidence ->> 'text_version' FROM consent_event WHERE step = 'confirmed' ORDER BY id")
    assert said == [("nl-1",), ("nl-1",), ("nl-2",)]


def test_at_one_moment_a_withdrawal_outweighs_a_confirmation_in_either_order(anna):
    with transaction() as session:
        consent = ask(session, anna)
        confirm_consent(session, consent_id=consent, at=MONDAY + HOUR, evidence=Confirmed())
        assert withdraw_consent(session, address_id=anna, at=MONDAY + HOUR, evidence=BY_LETTER) == [consent]
    assert state(consent)[2:] == (MONDAY + HOUR, MONDAY + HOUR)
    with transaction() as session:
        other = ask(session, anna, purpose="offers")
        assert withdraw_consent(session, address_id=anna, at=MONDAY + HOUR, evidence=BY_LETTER) == [other]
        assert confirm_consent(session, consent_id=other, at=MONDAY + HOUR, evidence=Confirmed())
    assert state(other)[2:] == (MONDAY + HOUR, MONDAY + HOUR)


def test_a_request_is_confirmed_at_its_own_moment_but_its_words_do_not_change_any_more(anna):
    with transaction() as session:
        consent = ask(session, anna)
        assert ask(session, anna, version="nl-2") == consent
        assert confirm_consent(session, consent_id=consent, at=MONDAY, evidence=Confirmed())
    assert state(consent) == ("double_opt_in", "nl-1", MONDAY, None)
    assert rows("SELECT evidence ->> 'text_version' FROM consent_event") == [("nl-1",), ("nl-1",)]


def test_a_withdrawal_from_before_a_confirmation_takes_nothing_back(anna):
    with transaction() as session:
        consent = ask(session, anna)
        confirm_consent(session, consent_id=consent, at=MONDAY + 2 * HOUR, evidence=Confirmed())
        assert withdraw_consent(session, address_id=anna, at=MONDAY + HOUR, evidence=BY_LETTER) == []
        # An open request is taken back too, and only once.
        offers = ask(session, anna, purpose="offers")
        assert withdraw_consent(session, address_id=anna, at=MONDAY + HOUR, evidence=BY_LETTER) == [offers]
    assert state(consent)[3] is None
    assert rows("SELECT consent_id FROM consent_event WHERE step = 'withdrawn'") == [(offers,)]


def test_a_withdrawal_is_about_what_it_names_only_and_answers_in_order(anna):
    def withdrawn(**named):
        with transaction() as session:
            found = withdraw_consent(session, address_id=anna, at=MONDAY + HOUR, evidence=BY_LETTER, **named)
        return [names[number] for number in found]

    with transaction() as session:
        ben = factories.people(session, ["ben"], consent=False)["ben"]
        second = factories.controller(session)
        names = {
            ask(session, anna): "first",
            ask(session, anna, controller=second): "second",
            ask(session, anna, channel=Channel.SMS): "sms",
            ask(session, anna, purpose="offers"): "offers",
            ask(session, ben): "ben",
        }
        # Rows that were written last come out last, unless somebody asks for an order.
        confirm_consent(session, consent_id=min(names), at=MONDAY, evidence=Confirmed())
    assert len(names) == 5
    assert second != 1
    assert withdrawn(controller_id=second) == ["second"]
    assert withdrawn(channel=Channel.SMS) == ["sms"]
    assert withdrawn(controller_id=1, purpose="offers", channel=Channel.EMAIL) == ["offers"]
    assert withdrawn(channel=Channel.PHONE) == []
    with transaction() as session:
        again = withdraw_consent(session, address_id=anna, at=MONDAY + 2 * HOUR, evidence=BY_LETTER)
        assert again == sorted(again)
        assert [names[number] for number in again] == ["first", "second", "sms", "offers"]
    assert rows(f"SELECT withdrawn_at FROM consent WHERE address_id = {ben}") == [(None,)]


def test_a_step_that_came_from_elsewhere_meanwhile_is_seen_before_a_consent_is_confirmed(anna):
    with transaction() as session:
        consent = ask(session, anna)
    with transaction() as session:
        known = session.get(Consent, consent)
        assert known.confirmed_at is None
        with transaction() as other:
            other.execute(text("UPDATE consent SET confirmed_at = :at"), {"at": MONDAY + 2 * HOUR})
        assert not confirm_consent(session, consent_id=consent, at=MONDAY + HOUR, evidence=Confirmed())
    assert state(consent)[2] == MONDAY + 2 * HOUR


def test_the_evidence_names_what_was_agreed_and_who_asked_is_kept_as_long_as_was_said(anna):
    until = MONDAY + timedelta(days=14)
    with transaction() as session:
        consent = ask(session, anna, keeping=Keeping(subject="signup:1", until=until))
        assert session.execute(select(Proof.subject, Proof.kept_until)).all() == [("signup:1", until)]
    ((said, reference),) = rows("SELECT evidence, reference FROM consent_event JOIN consent c ON c.id = consent_id")
    ((name,),) = rows("SELECT name FROM controller WHERE id = 1")
    said.pop("particulars")
    assert said == {
        "reference": str(reference),
        "controller_id": 1,
        "controller_name": name,
        "channel": "email",
        "purpose": "newsletter",
        "text_version": "nl-1",
        "requested_at": "2026-01-05T09:00:00.000+00:00",
    }
    with transaction() as session, pytest.raises(WrongInput) as early:
        confirm_consent(session, consent_id=consent, at=MONDAY - HOUR, evidence=Confirmed())
    assert early.value.code == "confirmed_too_early"
    with transaction() as session, pytest.raises(NotFound, match=f"no consent {consent + 1}") as unknown:
        confirm_consent(session, consent_id=consent + 1, at=MONDAY, evidence=Confirmed())
    assert unknown.value.code == "consent_unknown"
