"""A file of people: good rows are stored, bad ones listed, and importing it again changes nothing."""

import csv
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from contacts import add_contact, email_address, fields, find_address
from contacts.intakes import ContactIntake
from contacts.models import FieldType
from core.db import transaction
from core.errors import NotReachable, WrongInput
from tests.contacts.files import counts, load, rows, write
from tests.rivals import overtaken

HEADER = "customer_no,email,first_name,last_name,country"
ANNA = "C1,anna@firma.example,Anna,Gruber,AT"
BEN = "C2,ben@firma.example,Ben,Hofer,DE"

PEOPLE = "SELECT c.number, e.value FROM contact c JOIN endpoint e ON e.contact_id = c.id ORDER BY c.number"


@pytest.fixture
def declared(database):
    with transaction() as session:
        fields.define(session, name="age", label="Age", type="integer")
        fields.define(session, name="loan", label="Loan", type="boolean")
        fields.define(session, name="job", label="Job", type="text")
        fields.define(session, name="rating", label="Rating", type=FieldType.CHOICE, choices=["A", "B"])
        fields.define(session, name="since", label="Since", type="date")
        fields.define(session, name="balance", label="Balance", type="number")
    return database


def test_a_file_is_stored_and_a_second_time_nothing_changes(database, tmp_path):
    path = write(tmp_path / "a.csv", HEADER, ANNA, BEN)
    assert counts(load(ContactIntake(), path)) == (2, 0, 0, 0)
    before = rows("SELECT * FROM contact") + rows("SELECT * FROM endpoint") + rows("SELECT * FROM address")
    result = load(ContactIntake(), path)
    assert counts(result) == (0, 0, 2, 0)
    assert result.errors_file is None
    assert rows("SELECT * FROM contact") + rows("SELECT * FROM endpoint") + rows("SELECT * FROM address") == before


def test_a_repeated_row_updates(database, tmp_path):
    load(ContactIntake(), write(tmp_path / "a.csv", HEADER, ANNA, BEN))
    changed = write(tmp_path / "b.csv", HEADER, ANNA.replace("Gruber", "Meier"), BEN)
    assert counts(load(ContactIntake(), changed)) == (0, 1, 1, 0)
    assert rows("SELECT last_name FROM contact ORDER BY number") == [("Meier",), ("Hofer",)]


def test_an_empty_cell_clears_and_an_absent_column_leaves_alone(database, tmp_path):
    load(ContactIntake(), write(tmp_path / "a.csv", HEADER, ANNA))
    load(ContactIntake(), write(tmp_path / "b.csv", "number,email,first_name", "C1,anna@firma.example,"))
    assert rows("SELECT first_name, last_name, country FROM contact") == [(None, "Gruber", "AT")]


@pytest.mark.parametrize("chunk_size", [1, 2, 100])
def test_repetitions_inside_a_chunk_and_across_chunks_are_counted_alike(database, tmp_path, chunk_size):
    shouted = ANNA.replace("anna@firma.example", " ANNA@Firma.example ")
    path = write(tmp_path / "a.csv", HEADER, ANNA, shouted, ANNA.replace("AT", "DE"), BEN)
    assert counts(load(ContactIntake(), path, chunk_size=chunk_size)) == (2, 1, 1, 0)
    assert rows("SELECT number, country FROM contact ORDER BY number") == [("C1", "DE"), ("C2", "DE")]
    assert rows(PEOPLE) == [("C1", "anna@firma.example"), ("C2", "ben@firma.example")]


@pytest.mark.parametrize("chunk_size", [1, 100])
def test_a_dry_run_counts_the_same_and_changes_nothing(database, tmp_path, chunk_size):
    path = write(tmp_path / "a.csv", HEADER, ANNA, ANNA, ANNA.replace("AT", "DE"), BEN, "C3,n/a,X,Y,DE")
    tables = ("contact", "endpoint", "address", "audit_event", "evidence_batch")
    rehearsed = load(ContactIntake(), path, dry_run=True, chunk_size=chunk_size)
    assert all(rows(f"SELECT count(*) FROM {table}") == [(0,)] for table in tables)
    assert counts(rehearsed) == counts(load(ContactIntake(), path, chunk_size=chunk_size)) == (2, 1, 1, 1)


def test_a_rejected_row_is_named_and_nothing_of_it_is_stored(database, tmp_path):
    bad = ["C3,n/a,Carl,Eder,AT", "C4,dora@firma.example,Dora,Fuchs,Austria", "C5,e@f.example"]
    path = write(tmp_path / "a.csv", HEADER, ANNA, *bad, BEN)
    result = load(ContactIntake(), path)
    assert counts(result) == (2, 0, 0, 3)
    assert rows("SELECT number FROM contact ORDER BY number") == [("C1",), ("C2",)]
    assert rows("SELECT count(*) FROM address") == [(2,)]
    with Path(result.errors_file).open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.reader(file))
    assert found[0] == ["line", "field", "reason", "explanation", *HEADER.split(",")]
    assert [row[:3] for row in found[1:]] == [
        ["3", "email", "address_stand_in"],
        ["4", "country", "not_a_country"],
        ["5", "", "cell_count"],
    ]
    assert [",".join(row[4:]) for row in found[1:]] == bad


def test_the_error_file_is_private_harmless_and_can_be_imported_when_corrected(database, tmp_path):
    path = write(tmp_path / "a.csv", HEADER, 'C1,nobody,"=HYPERLINK(""x"")",@SUM,AT', "C2,no,+1,-5,AT")
    errors = tmp_path / "errors.csv"
    assert load(ContactIntake(), path, errors=errors).errors_file == str(errors)
    assert stat.S_IMODE(errors.stat().st_mode) == 0o600
    text_ = errors.read_text(encoding="utf-8-sig")
    assert "'=HYPERLINK" in text_
    assert ",'@SUM," in text_
    errors.write_text(text_.replace("nobody", "a@b.example").replace(",no,", ",c@d.example,"), encoding="utf-8")
    assert counts(load(ContactIntake(), errors)) == (2, 0, 0, 0)
    names = rows("SELECT first_name, last_name FROM contact ORDER BY number")
    assert names == [('=HYPERLINK("x")', "@SUM"), ("+1", "-5")]


def test_a_new_address_of_a_known_number_is_a_new_endpoint(database, tmp_path):
    load(ContactIntake(), write(tmp_path / "a.csv", HEADER, ANNA))
    ((old, _),) = rows("SELECT id, address_id FROM endpoint")
    assert counts(load(ContactIntake(), write(tmp_path / "b.csv", HEADER, ANNA.replace("anna@", "a.gruber@")))) == (
        0,
        1,
        0,
        0,
    )
    ((new, value),) = rows("SELECT id, value FROM endpoint")
    assert new > old
    assert value == "a.gruber@firma.example"
    assert rows("SELECT count(*) FROM address") == [(2,)]


def test_somebody_elses_address_is_rejected(database, tmp_path):
    load(ContactIntake(), write(tmp_path / "a.csv", HEADER, ANNA))
    stored = write(tmp_path / "b.csv", HEADER, BEN.replace("ben@", "anna@"), BEN.replace("ben@", "Anna@"))
    assert counts(load(ContactIntake(), stored, errors=tmp_path / "errors.csv")) == (0, 0, 0, 2)
    in_file = write(tmp_path / "c.csv", HEADER, BEN, BEN.replace("C2", "C3"))
    assert counts(load(ContactIntake(), in_file)) == (1, 0, 0, 1)
    assert rows(PEOPLE) == [("C1", "anna@firma.example"), ("C2", "ben@firma.example")]
    assert "belongs to contact C1" in (tmp_path / "errors.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("chunk_size", [1, 100])
def test_an_address_that_somebody_leaves_can_be_taken_over(database, tmp_path, chunk_size):
    load(ContactIntake(), write(tmp_path / "a.csv", HEADER, ANNA, BEN))
    moves = write(
        tmp_path / "b.csv",
        HEADER,
        ANNA.replace("anna@", "new@"),
        BEN.replace("ben@", "anna@"),
        "C3,ben@firma.example,,,",
    )
    assert counts(load(ContactIntake(), moves, chunk_size=chunk_size))[3] == 0
    assert rows(PEOPLE) == [("C1", "new@firma.example"), ("C2", "anna@firma.example"), ("C3", "ben@firma.example")]


def test_a_person_who_signed_up_gets_the_number_of_the_file(database, tmp_path):
    with transaction() as session:
        contact_id = add_contact(session, email=email_address("anna@firma.example"), source="website")
    assert counts(load(ContactIntake(), write(tmp_path / "a.csv", HEADER, ANNA))) == (0, 1, 0, 0)
    assert rows("SELECT id, number, first_name, source FROM contact") == [(contact_id, "C1", "Anna", "website")]


def test_without_a_number_the_address_says_who_it_is(database, tmp_path):
    load(ContactIntake(), write(tmp_path / "a.csv", HEADER, ANNA))
    path = write(tmp_path / "b.csv", "email;firma", "ANNA@firma.example;Holz AG", "ben@firma.example;Holz AG")
    assert counts(load(ContactIntake(), path)) == (1, 1, 0, 0)
    assert rows("SELECT c.number, k.name FROM contact c JOIN company k ON k.id = c.company_id ORDER BY 1") == [
        ("C1", "Holz AG"),
        (None, "Holz AG"),
    ]
    assert rows("SELECT count(*) FROM company") == [(1,)]
    assert counts(load(ContactIntake(), path)) == (0, 0, 2, 0)


def test_own_fields_are_checked_by_their_type(declared, tmp_path):
    header = "number,email,age,loan,job,rating,since,balance"
    good = 'C1,a@b.example,41,ja,"a ""b"" \\ c",A,2024-02-29,-12.50'
    bad = ["x,no,j,A,2024-01-01,1", "1,maybe,j,A,2024-01-01,1", "1,no,j,C,2024-01-01,1", "1,no,j,A,29.2.2024,1"]
    bad.append('1,no,j,A,2024-01-01,"1,5"')
    path = write(tmp_path / "a.csv", header, good, *(f"C{n},x{n}@b.example,{row}" for n, row in enumerate(bad, 2)))
    result = load(ContactIntake(), path, errors=tmp_path / "errors.csv")
    assert counts(result) == (1, 0, 0, 5)
    assert rows("SELECT fields FROM contact") == [
        (
            {
                "age": 41,
                "loan": True,
                "job": 'a "b" \\ c',
                "rating": "A",
                "since": "2024-02-29",
                "balance": -12.5,
            },
        )
    ]
    with (tmp_path / "errors.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["field"] for row in csv.DictReader(file)] == ["age", "loan", "rating", "since", "balance"]


def test_own_fields_are_merged_and_cleared(declared, tmp_path):
    load(ContactIntake(), write(tmp_path / "a.csv", "email,age,job", "a@b.example,41,nurse"))
    path = write(tmp_path / "b.csv", "email,age,loan", "a@b.example,,no")
    assert counts(load(ContactIntake(), path)) == (0, 1, 0, 0)
    assert rows("SELECT fields FROM contact") == [({"job": "nurse", "loan": False},)]
    assert counts(load(ContactIntake(), path)) == (0, 0, 1, 0)


def test_a_mapping_file_names_the_columns(declared, tmp_path):
    map_file = tmp_path / "map.yaml"
    map_file.write_text("Kdnr: number\nMail: email\nAlter: age\n")
    path = write(tmp_path / "a.csv", "Kdnr,Mail,Alter,job", "C1,a@b.example,41,nurse")
    assert counts(load(ContactIntake(), path, mapping=map_file)) == (1, 0, 0, 0)
    assert rows("SELECT number, fields FROM contact") == [("C1", {"age": 41})]


def test_a_wrong_mapping_is_refused_with_its_line(declared, tmp_path):
    wrong = [
        ("Kdnr: number\nMail: email\nAlter: shoe_size\n", "field_unknown", ":3"),
        ("Kdnr: number\nMaill: email\n", "column_unknown", ":2"),
        ("Kdnr: number\nMail: number\n", "field_twice", ":2"),
        ("Kdnr: number\n", "column_missing", ""),
        ("Kdnr: [number]\n", "mapping_shape", ":1"),
        ("- Kdnr\n", "mapping_shape", ""),
        ("Kdnr: number\n  Mail: email\n", "mapping_yaml", ":2"),
    ]
    path = write(tmp_path / "a.csv", "Kdnr,Mail,Alter", "C1,a@b.example,41")
    map_file = tmp_path / "map.yaml"
    for mapping, code, line in wrong:
        map_file.write_text(mapping)
        with pytest.raises(WrongInput) as raised:
            load(ContactIntake(), path, mapping=map_file)
        assert (raised.value.code, raised.value.where) == (code, f"{map_file}{line}")
    assert rows("SELECT count(*) FROM contact") == [(0,)]


def test_a_missing_column_is_refused_before_anything_is_stored(database, tmp_path):
    with pytest.raises(WrongInput) as raised:
        load(ContactIntake(), write(tmp_path / "a.csv", "number,first_name", "C1,Anna"))
    assert raised.value.code == "column_missing"
    assert "email" in raised.value.message


# The database loses the connection at the end of the chunk in which this person is.
LOSE_CONNECTION = """
    CREATE FUNCTION lose_connection() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
    CREATE TRIGGER lose_connection AFTER INSERT ON endpoint FOR EACH ROW
    WHEN (NEW.value = 'p7@firma.example') EXECUTE FUNCTION lose_connection()
"""


def test_after_a_crash_in_the_middle_the_same_file_is_imported_again(database, tmp_path):
    people = [f"C{n},p{n}@firma.example,P,Q,DE" for n in range(10)]
    path = write(tmp_path / "a.csv", HEADER, *people)
    with transaction() as session:
        session.execute(text(LOSE_CONNECTION))
    with pytest.raises(NotReachable):
        load(ContactIntake(), path, chunk_size=3)
    with transaction() as session:
        session.execute(text("DROP TRIGGER lose_connection ON endpoint"))
    assert rows("SELECT count(*) FROM contact") == [(6,)]
    assert counts(load(ContactIntake(), path, chunk_size=3)) == (4, 0, 6, 0)
    assert rows("SELECT count(*) FROM endpoint") == [(10,)]


def test_a_conflict_with_somebody_else_makes_the_chunk_be_tried_again(database, tmp_path):
    """Somebody signs up with the address while the import, which has not seen that, is about to insert it."""
    path = write(tmp_path / "a.csv", HEADER, ANNA)
    anna = email_address("anna@firma.example")
    result = overtaken(lambda: load(ContactIntake(), path), by=lambda session: add_contact(session, email=anna))
    assert counts(result) == (0, 1, 0, 0)
    assert rows(PEOPLE) == [("C1", "anna@firma.example")]


def test_an_import_never_touches_suppression_or_consent(database, tmp_path):
    load(ContactIntake(), write(tmp_path / "a.csv", HEADER, ANNA))
    with transaction() as session:
        session.execute(
            text(
                "INSERT INTO suppression_entry (address_id, channel, cause, at, source)"
                " VALUES (:address, 'email', 'opted_out', now(), 'letter')"
            ),
            {"address": find_address(session, "anna@firma.example")},
        )
    before = rows("SELECT * FROM suppression_entry")
    path = write(
        tmp_path / "b.csv", "number,email,newsletter,consent,confirmed_at", "C1,anna@firma.example,yes,yes,2026"
    )
    load(ContactIntake(), path)
    assert rows("SELECT * FROM suppression_entry") == before
    assert rows("SELECT count(*) FROM suppression_lift") == [(0,)]
    assert rows("SELECT count(*) FROM consent") == [(0,)]


ADDRESSES = ["a@x.example", "A@X.example", "b@x.example", "c@x.example", "none"]
ROW = st.tuples(
    st.sampled_from(["", "C1", "C2", "C3"]), st.sampled_from(ADDRESSES), st.sampled_from(["", "Anna", "Ben"])
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(ROW, max_size=8), chunk_size=st.integers(1, 9))
def test_whatever_is_imported_the_counts_add_up_and_addresses_stay_unique(database, tmp_path, people, chunk_size):
    with transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("TRUNCATE contact, address, endpoint CASCADE"))
    path = write(tmp_path / "a.csv", "number,email,first_name", *(",".join(row) for row in people))
    result = load(ContactIntake(), path, chunk_size=chunk_size)
    assert result.rows == len(people)
    (stored,) = rows("SELECT count(*), count(DISTINCT number) FILTER (WHERE number <> '') FROM contact")
    assert stored[0] == result.created
    assert rows("SELECT count(*), count(DISTINCT contact_id) FROM endpoint") == [(stored[0], stored[0])]
    assert rows("SELECT count(*) FROM endpoint e JOIN address a ON a.id = e.address_id") == [(stored[0],)]
