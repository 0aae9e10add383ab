"""Orders belong to customers that we know; the last row about an order counts."""

import csv
from decimal import Decimal

import pytest

from contacts.intakes import ContactIntake, OrderIntake
from core.errors import WrongInput
from tests.contacts.files import counts, load, rows, write

HEADER = "order_id,customer_no,email,ordered_at,category,amount_eur,objection_notice_shown"
ORDER = "O1,C1,,2026-04-19T02:48:14+00:00,savings,206.13,yes"


@pytest.fixture
def customers(database, tmp_path):
    people = ("number,email", "C1,anna@firma.example", "C2,ben@firma.example")
    load(ContactIntake(), write(tmp_path / "people.csv", *people))
    return tmp_path


def test_an_order_is_found_a_customer_by_number_else_by_address(customers):
    by_address = "O2,,BEN@firma.example,2026-04-19T02:48:14+00:00,,5,no"
    path = write(customers / "orders.csv", HEADER, ORDER, by_address)
    assert counts(load(OrderIntake(), path)) == (2, 0, 0, 0)
    assert counts(load(OrderIntake(), path)) == (0, 0, 2, 0)
    found = "SELECT p.number, c.number, category, amount, currency, objection_notice_shown FROM purchase p"
    assert rows(found + " JOIN contact c ON c.id = p.contact_id ORDER BY 1") == [
        ("O1", "C1", "savings", Decimal("206.13"), "EUR", True),
        ("O2", "C2", None, Decimal("5.00"), "EUR", False),
    ]


@pytest.mark.parametrize("chunk_size", [1, 10])
def test_repeated_orders_update(customers, chunk_size):
    changed = ORDER.replace("yes", "no")
    path = write(customers / "orders.csv", HEADER, ORDER, ORDER, changed)
    assert counts(load(OrderIntake(), path, chunk_size=chunk_size, dry_run=True)) == (1, 1, 1, 0)
    assert counts(load(OrderIntake(), path, chunk_size=chunk_size)) == (1, 1, 1, 0)
    assert rows("SELECT objection_notice_shown FROM purchase") == [(False,)]


def test_orders_of_strangers_and_broken_rows_are_rejected_with_their_reason(customers):
    bad = [
        ORDER.replace("C1", "C9"),
        "O2,,nobody@firma.example,2026-04-19T02:48:14+00:00,,5,no",
        "O3,C1,,2026-04-19T02:48:14+00:00,,12,",
        "O4,C1,,2026-04-19T02:48:14+00:00,,1.234,",
        'O5,C1,,2026-04-19T02:48:14+00:00,,"1,5",no',
        "O6,C1,,yesterday,,5,no",
        ",C1,,2026-04-19T02:48:14+00:00,,5,no",
    ]
    errors = customers / "errors.csv"
    assert counts(load(OrderIntake(), write(customers / "o.csv", HEADER, *bad), errors=errors)) == (0, 0, 0, 7)
    with errors.open(encoding="utf-8-sig", newline="") as file:
        found = [(row["line"], row["field"]) for row in csv.DictReader(file)]
    fields = ["customer_number", "customer_number", *["objection_notice_shown"] * 2, "amount", "ordered_at", "number"]
    assert found == [(str(line), field) for line, field in enumerate(fields, 2)]


def test_a_file_that_names_no_customers_is_refused(customers):
    path = write(customers / "o.csv", "order_id,ordered_at,amount,objection_notice_shown", "O1,2026-01-01,1,yes")
    with pytest.raises(WrongInput) as raised:
        load(OrderIntake(), path)
    assert raised.value.code == "column_missing"
