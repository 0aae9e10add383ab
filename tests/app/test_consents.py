"""The pages of consents: all of them, one of them, what is missing, and who may see it."""

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from app.cli import main
from app.consents import listing
from app.evidence.bundle import bundle
from app.web import create_app
from contacts import Withdrawn, email_address, ensure_addresses, withdraw_consent
from contacts.consent_models import Consent
from contacts.intakes import ConsentIntake
from contacts.models import Endpoint
from core import clock
from core.db import transaction
from core.permissions import Role
from core.users import User
from preferences import everything
from tests.browsing import post
from tests.contacts.files import load, write
from tracking import Purpose, make_message_token

HEADER = "email,basis,text_version,requested_at,confirmed_at,confirm_ip"
ROW = "{}@mail.example,double_opt_in,v9,2026-01-05T10:00:00Z,2026-01-05T10:05:00Z,192.0.2.7"


@pytest.fixture
def imported(found, tmp_path):
    """Two of the company's people and a stranger come from another system, too."""
    load(ConsentIntake(), write(tmp_path / "old.csv", HEADER, *map(ROW.format, ("emil", "fritz", "stranger"))))


@given(known=st.uuids(), length=st.integers(1, 36), other=st.uuids())
def test_a_reference_is_found_by_any_beginning_of_it_and_by_no_other(known: UUID, length: int, other: UUID) -> None:
    bounds = listing.begins(str(known)[:length]).compile().params.values()
    first, last = sorted(bounds)
    assert first <= known <= last
    assert (first <= other <= last) is str(other).replace("-", "").startswith(str(known)[:length].replace("-", ""))


def reference(name: str) -> str:
    with transaction() as session:
        email = email_address(f"{name}@mail.example")
        address_id = ensure_addresses(session, [email])[email.key]
        return str(session.scalar(select(Consent.reference).where(Consent.address_id == address_id)))


def test_consents_are_listed_searched_and_filtered_by_what_is_missing(person, imported):
    client = person(Role.MARKETER)
    page = client.get("/consents/").text
    assert "emil@mail.example" in page
    assert "taken over" in page
    assert client.get(f"/consents/?q={reference('emil')[:8]}").text.count("/consents/") < page.count("/consents/")
    known = reference("emil")
    for words, found in ((known[:11], True), (known.upper(), True), (known + "0", False), ("zz", False), ("%", False)):
        assert (f'href="/consents/{known}"' in client.get("/consents/", query_string={"q": words}).text) is found, words
    assert "emil@mail.example" in client.get("/consents/?q=Emil@Mail.example").text
    assert "ada@mail.example" not in client.get("/consents/?kind=migrated").text
    assert "No row fits" in client.get("/consents/?missing=0&state=confirmed").text
    assert "emil@mail.example" in client.get("/consents/?missing=1&purpose=newsletter").text
    assert client.get("/consents/?sort=-confirmed_at").status_code == 200


def test_one_consent_is_told_step_by_step_with_what_is_missing(person, imported):
    client = person(Role.COMPLIANCE)
    page = client.get(f"/consents/{reference('emil')}").text
    assert "Taken over from an unnamed system, attested by nobody" in page
    assert "file old.csv, line 2" in page
    assert "Nobody is named who vouches for the record of the other system." in page
    assert "192.0.2.7" in page
    answer = post(client, f"/consents/{reference('emil')}/evidence")
    assert answer.mimetype == "application/zip"
    assert post(client, f"/consents/{reference('stranger')}/evidence").status_code == 404
    assert "kept as a hash" in client.get(f"/consents/{reference('stranger')}").text
    assert client.get("/consents/nothing").status_code == 404
    assert person(Role.SALES).get("/consents/").status_code == 403
    with transaction() as session:
        session.execute(text("UPDATE user_account SET locale = 'de'"))
        assert session.scalar(select(User.locale).limit(1)) == "de"
    page = person(Role.COMPLIANCE).get(f"/consents/{reference('emil')}").text
    assert "Niemand ist genannt, der für den Nachweis des anderen Systems einsteht." in page
    assert "Übernommen aus einem ungenannten System" in page
    assert "The words that were agreed to" not in page


def test_where_a_consent_comes_from_is_said_wherever_it_is_shown(person, found, tmp_path):
    intake = ConsentIntake(old_system="Old CRM", attested_by="Rita Roth")
    load(intake, write(tmp_path / "old.csv", HEADER, ROW.format("emil")))
    with transaction() as session:
        emil = session.execute(select(Endpoint).where(Endpoint.value == "emil@mail.example")).scalar_one()
        held = everything(session, address_id=emil.address_id, contact_id=emil.contact_id, address=emil.value)
        told = bundle(session, address=emil.value, actor="dpo")
        session.execute(text("UPDATE user_account SET locale = 'de'"))
        contact = emil.contact_id
        session.expunge(emil)
    (consent,) = held["consents"]
    assert (consent["how_given"], consent["migrated"]["attested_by"]) == ("migrated", "Rita Roth")
    assert "form_sha256" in consent["missing"]
    page = person(Role.COMPLIANCE).get(f"/contacts/{contact}").text
    assert "Übernommen aus Old CRM, bestätigt von Rita Roth" in page
    assert "Das Formular ist nicht so aufbewahrt, wie es gezeigt wurde." in page
    for name, words in (("index.html", "taken over"), ("index.de.html", "übernommen")):
        printed = told[name].decode()
        assert words in printed
        assert "Old CRM" in printed
        assert "Rita Roth" in printed
    assert "The form is not kept as it was shown." in told["index.html"].decode()
    sent_at = int(clock.now().timestamp())
    token = make_message_token(Purpose.PREFERENCES, run_id=1, message_id=1, address_id=emil.address_id, sent_at=sent_at)
    shown = create_app().test_client().get(f"/p/{token}/data?lang=de").text
    assert "Rita Roth" in shown
    assert "Das Formular ist nicht so aufbewahrt, wie es gezeigt wurde." in shown


def test_the_proof_of_a_withdrawn_consent_is_seen_by_compliance_only(person, imported):
    with transaction() as session:
        address_id = session.scalar(select(Consent.address_id).where(Consent.reference == reference("emil")))
        withdraw_consent(session, address_id=address_id, at=clock.now(), evidence=Withdrawn(through="letter"))
    path = f"/consents/{reference('emil')}"
    assert "192.0.2.7" not in person(Role.MARKETER).get(path).text
    assert "192.0.2.7" in person(Role.COMPLIANCE).get(path).text


def test_the_command_groups_consents_that_lack_the_same(imported, capsys):
    main(["consents", "incomplete", "--purpose", "offers", "--json"])
    assert json.loads(capsys.readouterr().out)["incomplete"] == 0
    main(["consents", "incomplete", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert (answer["consents"], answer["incomplete"]) == (7, 7)
    migrated = next(group for group in answer["groups"] if group["kind"] == "migrated")
    assert migrated["consents"] == 3
    assert reference("emil") in migrated["references"]
    assert set(migrated["missing"]) <= answer["meaning"].keys()
    main(["consents", "incomplete"])
    assert "7 of 7 confirmed consents have gaps." in capsys.readouterr().out
