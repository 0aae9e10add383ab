"""What a row of a consent log says reaches the consent and its evidence; what it leaves out means what was promised."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from contacts import domain_key
from contacts.intakes import ConsentIntake
from core.db import transaction
from core.errors import WrongInput
from core.keys import address_key
from tests import factories
from tests.contacts.files import counts, load, rows, write

HEADER = (
    "email,phone,country,channel,purpose,basis,text_version,requested_at,request_ip,confirmed_at,confirm_ip,source,"
    "evidence_ref,controller"
)
TEN, ELEVEN = "2026-01-05T10:00:00Z", "2026-01-05T11:00:00Z"
WHOLE = {
    "email": "anna@firma.example", "basis": "double_opt_in", "text_version": "nl-1", "requested_at": TEN,
    "confirmed_at": ELEVEN,
}  # fmt: skip
CALL = WHOLE | {"email": "", "phone": "0664 123 45 67", "country": "at", "channel": "phone", "basis": "recorded"}


def line(**said: str) -> str:
    return ",".join({**dict.fromkeys(HEADER.split(","), ""), **said}[name] for name in HEADER.split(","))


def imported(path: Path, *lines: str) -> tuple[int, int, int, int]:
    return counts(load(ConsentIntake(), write(path / "log.csv", HEADER, *lines)))


def test_what_a_row_leaves_out_is_the_first_company_the_newsletter_and_e_mail(database, tmp_path):
    with transaction() as session:
        second = factories.controller(session)
        # A row that was changed stands last in the table, and is the first company all the same.
        session.execute(text("UPDATE controller SET name = 'First company' WHERE id = 1"))
    assert second != 1
    mine, other = WHOLE, WHOLE | {"controller": "shop", "purpose": "offers", "confirmed_at": TEN}
    assert imported(tmp_path, line(**mine), line(**other)) == (2, 0, 0, 0)
    state = "SELECT controller_id, channel, purpose, basis, confirmed_at = requested_at FROM consent ORDER BY id"
    assert rows(state) == [
        (1, "email", "newsletter", "double_opt_in", False),
        (second, "email", "offers", "double_opt_in", True),
    ]
    assert {name for (name,) in rows("SELECT evidence ->> 'controller_name' FROM consent_event")} == {
        "First company",
        "Shop",
    }


def test_everything_that_a_row_says_is_in_the_evidence_of_its_step(database, tmp_path):
    said = {"source": "fair\u00a02026", "evidence_ref": "r" * 500, "request_ip": "192.0.2.1", "confirm_ip": "192.0.2.2"}
    assert imported(tmp_path, line(**CALL | said)) == (1, 0, 0, 0)
    (asked,), (given,) = rows("SELECT evidence FROM consent_event ORDER BY step")
    common = {
        "channel": "phone", "purpose": "newsletter", "basis": "recorded", "text_version": "nl-1",
        "source": "fair 2026", "controller_id": 1,
    }  # fmt: skip
    for step in (asked, given):
        assert common.items() <= step.items()
        assert "text_sha256" in step["import"]["missing"]
    assert (asked["ip"], "evidence_ref" in asked) == ("192.0.2.1", False)
    assert (given["ip"], given["evidence_ref"]) == ("192.0.2.2", "r" * 500)
    # The same number in another spelling is the same person, and a number has no domain.
    again = CALL | {"phone": "+43 664 1234567", "country": ""}
    assert imported(tmp_path, line(**again)) == (0, 0, 1, 0)
    assert rows("SELECT count(*), bool_and(key = domain_key) FROM address") == [(1, True)]


def test_each_address_and_number_stands_for_itself_and_an_address_for_its_domain(database, tmp_path):
    numbers = [CALL, CALL | {"phone": "0664 765 43 21"}]
    assert imported(tmp_path, *(line(**one) for one in (WHOLE, *numbers))) == (3, 0, 0, 0)
    calls = [address_key(f"tel:{number}") for number in ("+436641234567", "+436647654321")]
    expected = {(address_key("anna@firma.example"), domain_key("firma.example")), *zip(calls, calls, strict=True)}
    assert {(bytes(key), bytes(domain)) for key, domain in rows("SELECT key, domain_key FROM address")} == expected


def test_each_cell_that_proves_nothing_is_named_with_what_is_wrong(database, tmp_path):
    wrong = [
        ("channel", "channel_unknown", WHOLE | {"channel": "post"}),
        ("email", "address_without_at", WHOLE | {"email": "nobody"}),
        ("phone", "not_a_phone_number", CALL | {"phone": "12"}),
        ("requested_at", "missing", WHOLE | {"requested_at": ""}),
        ("requested_at", "no_time_zone", WHOLE | {"requested_at": "2026-01-05T10:00:00"}),
        ("confirmed_at", "not_a_time", WHOLE | {"confirmed_at": "5.1.2026"}),
        ("confirmed_at", "before_request", WHOLE | {"confirmed_at": "2026-01-05T09:59:59Z"}),
        ("controller", "controller_unknown", WHOLE | {"controller": "nobody"}),
        ("purpose", "too_long", WHOLE | {"purpose": "p" * 101}),
        ("basis", "basis_unknown", WHOLE | {"basis": "written"}),
        ("basis", "basis_unknown", CALL | {"basis": "double_opt_in"}),
        ("text_version", "missing", WHOLE | {"text_version": ""}),
        ("request_ip", "not_an_ip", WHOLE | {"request_ip": "999.1.1.1"}),
        ("confirm_ip", "not_an_ip", WHOLE | {"confirm_ip": "999.1.1.1"}),
        ("source", "too_long", WHOLE | {"source": "s" * 501}),
        ("evidence_ref", "too_long", WHOLE | {"evidence_ref": "e" * 501}),
    ]
    result = load(ConsentIntake(), write(tmp_path / "a.csv", HEADER, *(line(**said) for _, _, said in wrong)))
    assert counts(result) == (0, 0, 0, len(wrong))
    assert result.errors_file is not None
    with Path(result.errors_file).open(encoding="utf-8-sig", newline="") as file:
        found = [(row["field"], row["reason"]) for row in csv.DictReader(file)]
    assert found == [(field, reason) for field, reason, _ in wrong]


def test_a_file_needs_addresses_or_numbers(database, tmp_path):
    without = "basis,text_version,requested_at,confirmed_at"
    with pytest.raises(WrongInput, match="whose the consents are") as refused:
        load(ConsentIntake(), write(tmp_path / "a.csv", without, f"double_opt_in,nl-1,{TEN},{ELEVEN}"))
    assert refused.value.where.endswith("a.csv:1")
    numbers = write(tmp_path / "b.csv", f"{without},phone,channel", f"written,nl-1,{TEN},{ELEVEN},+436641234567,phone")
    assert counts(load(ConsentIntake(), numbers)) == (1, 0, 0, 0)


def test_the_best_row_is_the_latest_confirmation_then_the_latest_request_then_the_first_line(database, tmp_path):
    open_later = WHOLE | {"requested_at": "2026-03-01T00:00:00Z", "confirmed_at": "", "text_version": "open"}
    asked_later = WHOLE | {"requested_at": "2026-01-05T10:30:00Z", "text_version": "asked-later"}
    twin = asked_later | {"text_version": "twin"}
    everything = [line(**one) for one in (WHOLE, open_later, asked_later, twin)]
    for number, lines in enumerate([everything, [everything[1], everything[0], everything[2], everything[3]]]):
        with transaction() as session:
            session.execute(text("UPDATE consent SET purpose = :other"), {"other": f"earlier-{number}"})
        imported(tmp_path, *lines)
        state = "SELECT text_version, requested_at, confirmed_at FROM consent WHERE purpose = 'newsletter'"
        half_past, eleven = datetime(2026, 1, 5, 10, 30, tzinfo=UTC), datetime(2026, 1, 5, 11, tzinfo=UTC)
        assert rows(state) == [("asked-later", half_past, eleven)]


def test_a_later_log_moves_a_consent_forward_only(database, tmp_path):
    def given(version: str, asked: str, confirmed: str) -> str:
        imported(tmp_path, line(**WHOLE | {"text_version": version, "requested_at": asked, "confirmed_at": confirmed}))
        ((found,),) = rows("SELECT text_version FROM consent")
        return found

    january, february, march = (f"2026-0{month}-01T00:00:00Z" for month in (1, 2, 3))
    assert given("open-2", february, "") == "open-2"
    assert given("open-1", january, "") == "open-2"
    assert given("same-moment", february, "") == "open-2"
    assert given("open-3", march, "") == "open-3"
    # A confirmation outweighs an open request, whenever it was asked for.
    assert given("first", january, february) == "first"
    assert given("same", february, february) == "first"
    assert given("older", january, january) == "first"
    assert given("open-4", march, "") == "first"
    assert given("newer", january, march) == "newer"


def test_at_one_moment_a_withdrawal_outweighs_an_imported_confirmation(database, tmp_path):
    imported(tmp_path, line(**WHOLE))
    withdrawn = datetime(2026, 2, 1, tzinfo=UTC)
    with transaction() as session:
        session.execute(text("UPDATE consent SET withdrawn_at = :at"), {"at": withdrawn})
    for confirmed, still in (("2026-02-01T00:00:00Z", withdrawn), ("2026-02-01T00:00:01Z", None)):
        imported(tmp_path, line(**WHOLE | {"confirmed_at": confirmed}))
        assert rows("SELECT withdrawn_at FROM consent") == [(still,)]
    # Of an open request that was withdrawn a later open one takes nothing back.
    with transaction() as session:
        session.execute(text("UPDATE consent SET withdrawn_at = :at, confirmed_at = NULL"), {"at": withdrawn})
    imported(tmp_path, line(**WHOLE | {"requested_at": "2026-03-01T00:00:00Z", "confirmed_at": ""}))
    assert rows("SELECT withdrawn_at, requested_at > withdrawn_at FROM consent") == [(withdrawn, True)]


@pytest.mark.parametrize("best_first", [False, True])
def test_of_many_rows_about_a_known_consent_the_best_one_counts(database, tmp_path, best_first):
    imported(tmp_path, line(**WHOLE | {"confirmed_at": "", "text_version": "open"}))
    months = range(2, 7) if not best_first else range(6, 1, -1)
    given = [WHOLE | {"confirmed_at": f"2026-0{month}-01T00:00:00Z", "text_version": f"{month}"} for month in months]
    imported(tmp_path, *(line(**one) for one in given))
    assert rows("SELECT text_version, confirmed_at FROM consent") == [("6", datetime(2026, 6, 1, tzinfo=UTC))]


def test_a_step_is_put_on_record_with_the_consent_that_it_is_about_and_no_other(database, tmp_path):
    with transaction() as session:
        factories.controller(session)
    call = CALL | {"text_version": "call"}
    given = [call, call | {"purpose": "offers"}, call | {"channel": "sms"}, call | {"controller": "shop"}]
    imported(tmp_path, *(line(**one) for one in given))
    # The second file says something new about one of them only.
    imported(tmp_path, line(**call | {"requested_at": "2026-02-01T00:00:00Z", "confirmed_at": "2026-02-02T00:00:00Z"}))
    found = rows(
        "SELECT c.controller_id, c.channel, c.purpose, count(*),"
        " bool_and((c.controller_id, c.channel, c.purpose) = ((evidence ->> 'controller_id')::int,"
        " evidence ->> 'channel', evidence ->> 'purpose'))"
        " FROM consent_event JOIN consent c ON c.id = consent_id GROUP BY c.id ORDER BY c.id"
    )
    ((first,), (second,)) = rows("SELECT id FROM controller ORDER BY id")
    assert sorted(found) == sorted(
        [
            (first, "phone", "newsletter", 4, True),
            (first, "phone", "offers", 2, True),
            (first, "sms", "newsletter", 2, True),
            (second, "phone", "newsletter", 2, True),
        ]
    )
