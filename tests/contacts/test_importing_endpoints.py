"""Telephone numbers and postal addresses come to people who are known, in one spelling, and to one person each."""

import csv

import pytest

from contacts.intakes import ContactIntake, EndpointIntake
from contacts.phones import e164
from contacts.postal import postal_key
from tests.contacts.files import counts, load, rows, write

HEADER = "customer_no,email,channel,phone,street,postcode,town,country"
CALL = "C1,,phone,0664 123 45 67,,,,AT"
LETTER = "C1,,post,,Hauptstraße 12a,1010,Wien,AT"
ENDPOINTS = "SELECT c.number, e.channel, e.value FROM endpoint e JOIN contact c ON c.id = e.contact_id ORDER BY 1, 2"


@pytest.fixture
def folder(database, tmp_path):
    people = ("number,email,first_name,last_name", "C1,anna@firma.example,Anna,Ahorn", "C2,ben@firma.example,Ben,Birke")
    load(ContactIntake(), write(tmp_path / "people.csv", *people))
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "country", "value"),
    [
        ("0664 123 45 67", "AT", "+436641234567"),
        ("+43 (0)664/1234567", None, "+436641234567"),
        ("0043 664 1234567", "DE", "+436641234567"),
        ("030 123456", "DE", "+4930123456"),
        ("0664 1234567", None, None),
        ("12", "AT", None),
        ("call me", "AT", None),
        ("", "AT", None),
    ],
)
def test_a_number_has_one_spelling(typed, country, value):
    assert e164(typed, country) == value


def test_an_address_is_the_same_however_it_is_written():
    written = {
        postal_key("Hauptstraße 12a\n1010 Wien\nAT", first_name="Zoë", last_name="Ahorn"),
        postal_key("HAUPTSTRASSE 12A\n1010  Wien\nat", first_name="zoe", last_name="AHORN"),
    }
    assert len(written) == 1
    assert postal_key("Hauptstraße 12b\n1010 Wien\nAT", first_name="Zoë", last_name="Ahorn") not in written


def test_somebody_has_one_endpoint_on_each_channel_and_a_new_one_replaces_it(folder):
    path = write(folder / "e.csv", HEADER, CALL, LETTER, ",BEN@firma.example,sms,+43 664 7654321,,,,")
    assert counts(load(EndpointIntake(), path)) == (3, 0, 0, 0)
    assert counts(load(EndpointIntake(), path)) == (0, 0, 3, 0)
    moved = write(folder / "m.csv", HEADER, CALL.replace("45 67", "99 99"))
    assert counts(load(EndpointIntake(), moved)) == (0, 1, 0, 0)
    assert [row for row in rows(ENDPOINTS) if row[1] != "email"] == [
        ("C1", "phone", "+436641239999"),
        ("C1", "post", "Hauptstraße 12a\n1010 Wien\nAT"),
        ("C2", "sms", "+436647654321"),
    ]


@pytest.mark.parametrize("chunk_size", [1, 10])
def test_rows_that_reach_nobody_or_somebody_else_are_rejected(folder, chunk_size):
    bad = [
        CALL,
        CALL.replace("C1", "C2"),
        CALL.replace("C1", "C9"),
        ",nobody@firma.example,phone,+436641112223,,,,",
        "C2,,phone,12,,,,AT",
        "C2,,fax,+436641112223,,,,",
        "C2,,post,,Ring 1,,Wien,AT",
    ]
    errors = folder / "errors.csv"
    path = write(folder / "e.csv", HEADER, *bad)
    assert counts(load(EndpointIntake(), path, errors=errors, chunk_size=chunk_size)) == (1, 0, 0, 6)
    with errors.open(encoding="utf-8-sig", newline="") as file:
        found = {row["line"]: row["field"] for row in csv.DictReader(file)}
    assert found == {"3": "phone", "4": "number", "5": "number", "6": "phone", "7": "channel", "8": "postcode"}
