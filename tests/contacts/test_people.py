"""One person: added once, erased without losing what must be remembered; own fields and own choices."""

from datetime import UTC, datetime

import pytest

from contacts import Asked, add_contact, choice, choose, email_address, erase, fields, find_address, request_consent
from contacts.models import TrackingLevel
from core.db import transaction
from core.errors import NotFound, WrongInput
from core.evidence import verify
from tests.contacts.files import rows

ANNA = email_address("anna@firma.example")


def test_a_person_is_added_once_however_often_it_is_said(database):
    with transaction() as session:
        first = add_contact(session, email=ANNA, first_name="Anna")
    with transaction() as session:
        assert add_contact(session, email=email_address("ANNA@firma.example"), first_name="Other") == first
    assert rows("SELECT first_name FROM contact") == [("Anna",)]


def test_erasing_a_person_keeps_what_objections_and_proofs_stand_on(database):
    with transaction() as session:
        contact = add_contact(session, email=ANNA, first_name="Anna")
        address = find_address(session, "anna@firma.example")
        choose(session, address, language="de")
        request_consent(
            session,
            address_id=address,
            controller_id=1,
            purpose="newsletter",
            at=datetime(2026, 1, 5, tzinfo=UTC),
            evidence=Asked(text_version="nl-1"),
        )
    with transaction() as session:
        erase(session, contact, actor="ada@shop.example", reason="asked for it")
    assert rows("SELECT count(*) FROM contact") + rows("SELECT count(*) FROM endpoint") == [(0,), (0,)]
    assert rows("SELECT count(*) FROM recipient_choice") == [(0,)]
    assert rows("SELECT id FROM address") == [(address,)]
    assert rows("SELECT count(*) FROM consent_event") == [(1,)]
    assert rows("SELECT action, object_id, reason FROM audit_event") == [
        ("contact.erase", str(contact), "asked for it")
    ]
    with transaction() as session:
        assert verify(session) == []
        with pytest.raises(NotFound):
            erase(session, contact, actor="ada@shop.example")


def test_choices_are_kept_one_by_one(database):
    with transaction() as session:
        add_contact(session, email=ANNA)
        address = find_address(session, "anna@firma.example")
        assert choice(session, address).tracking is TrackingLevel.NONE
        choose(session, address, tracking=TrackingLevel.INDIVIDUAL, topics_off=["travel", "food", "food"])
        chosen = choose(session, address, most_per_month=2)
    assert (chosen.tracking, chosen.topics_off, chosen.most_per_month) == ("individual", ("food", "travel"), 2)
    with transaction() as session, pytest.raises(TypeError):
        choose(session, address, shoe_size=42)


def test_a_field_is_declared_once_and_its_type_stays(database):
    with transaction() as session:
        assert fields.define(session, name="age", label="Age", type="integer")
        assert not fields.define(session, name="age", label="Age", type="integer")
        assert fields.define(session, name="age", label="Years", type="integer")
        assert [(field.name, field.label) for field in fields.definitions(session)] == [("age", "Years")]
        with pytest.raises(WrongInput):
            fields.define(session, name="age", label="Years", type="text")


@pytest.mark.parametrize(
    ("name", "kind", "choices"),
    [
        ("Age", "integer", None),
        ("email", "text", None),
        ("age", "float", None),
        ("age", "choice", None),
        ("age", "text", ["a"]),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(database, name, kind, choices):
    with transaction() as session, pytest.raises(WrongInput):
        fields.define(session, name=name, label="x", type=kind, choices=choices)
