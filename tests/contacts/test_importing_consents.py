"""A consent log becomes consents with sealed evidence; a newer confirmation wins, nothing older ever does."""

from datetime import UTC, datetime

import pytest

from contacts import Withdrawn, consent_records, find_address, withdraw_consent
from contacts.intakes import ConsentIntake, ContactIntake
from core.db import transaction
from core.errors import WrongInput
from core.evidence import verify
from tests.contacts.files import counts, load, rows, write

HEADER = "email,channel,purpose,basis,text_version,requested_at,request_ip,confirmed_at,confirm_ip,source"


def line(email="anna@firma.example", asked="2026-01-05T10:00:00+01:00", confirmed="2026-01-05T10:05:00+01:00", **other):
    words = {"ip": "198.51.100.7", "basis": "double_opt_in", "channel": "email", "version": "nl-1"} | other
    return (
        f"{email},{words['channel']},newsletter,{words['basis']},{words['version']},{asked},{words['ip']},{confirmed},"
        f"{words['ip'] if confirmed else ''},website form"
    )


STATE = "SELECT text_version, requested_at, confirmed_at, withdrawn_at FROM consent"
FIVE_PAST = datetime(2026, 1, 5, 9, 5, tzinfo=UTC)
TEN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def test_a_log_becomes_consents_and_events_with_their_evidence(database, tmp_path):
    path = write(tmp_path / "log.csv", HEADER, line(), line("ben@firma.example", confirmed=""))
    assert counts(load(ConsentIntake(), path)) == (2, 0, 0, 0)
    assert rows(STATE + " ORDER BY confirmed_at") == [("nl-1", TEN, FIVE_PAST, None), ("nl-1", TEN, None, None)]
    events = rows("SELECT step::text, at, evidence FROM consent_event ORDER BY id")
    assert [(step, at) for step, at, _ in events] == [("requested", TEN), ("confirmed", FIVE_PAST), ("requested", TEN)]
    evidence = events[1][2]
    assert evidence["ip"] == "198.51.100.7"
    assert evidence["controller_name"]
    assert evidence["text_version"] == "nl-1"
    assert evidence["import"]["file"] == "log.csv"
    assert evidence["import"]["line"] == 2
    assert len(evidence["import"]["sha256"]) == 64
    assert "anna" not in str(events)


def test_the_chain_verifies_after_an_import_and_a_second_import_adds_nothing(database, tmp_path):
    path = write(tmp_path / "log.csv", HEADER, *(line(f"p{n}@firma.example") for n in range(7)))
    load(ConsentIntake(), path, chunk_size=3)
    assert counts(load(ConsentIntake(), path, chunk_size=3)) == (0, 0, 7, 0)
    assert rows("SELECT count(*) FROM consent_event") == [(14,)]
    assert rows("SELECT count(*) FROM evidence_batch WHERE chain = 'consent'") == [(3,)]
    with transaction() as session:
        assert verify(session) == []


@pytest.mark.parametrize("chunk_size", [1, 10])
@pytest.mark.parametrize("newest_first", [False, True])
def test_the_newer_confirmation_wins_in_any_order(database, tmp_path, chunk_size, newest_first):
    newer = line(asked="2026-03-01T00:00:00+00:00", confirmed="2026-03-02T00:00:00+00:00", version="nl-2")
    both = [newer, line()] if newest_first else [line(), newer]
    result = load(ConsentIntake(), write(tmp_path / "log.csv", HEADER, *both, both[0]), chunk_size=chunk_size)
    assert counts(result) == (1, 1, 1, 0)
    (state,) = rows(STATE)
    assert state[0] == "nl-2"
    assert state[2] == datetime(2026, 3, 2, tzinfo=UTC)
    assert rows("SELECT count(*) FROM consent_event") == [(4,)]


def test_an_open_request_does_not_undo_a_confirmation(database, tmp_path):
    load(ConsentIntake(), write(tmp_path / "a.csv", HEADER, line()))
    later = line(asked="2026-04-01T00:00:00+00:00", confirmed="", version="nl-9")
    assert counts(load(ConsentIntake(), write(tmp_path / "b.csv", HEADER, later))) == (0, 1, 0, 0)
    assert rows(STATE) == [("nl-1", TEN, FIVE_PAST, None)]


@pytest.mark.parametrize(("confirmed", "holds"), [("2026-01-20T00:00:00Z", False), ("2026-02-20T00:00:00Z", True)])
def test_only_a_confirmation_after_the_withdrawal_makes_a_consent_hold_again(database, tmp_path, confirmed, holds):
    load(ConsentIntake(), write(tmp_path / "a.csv", HEADER, line()))
    with transaction() as session:
        address = find_address(session, "anna@firma.example")
        moment = datetime(2026, 2, 1, tzinfo=UTC)
        assert withdraw_consent(session, address_id=address, at=moment, evidence=Withdrawn(through="letter"))
    load(ConsentIntake(), write(tmp_path / "b.csv", HEADER, line(confirmed=confirmed)))
    assert rows("SELECT withdrawn_at IS NULL FROM consent") == [(holds,)]


def test_rows_that_prove_nothing_are_rejected(database, tmp_path):
    bad = [
        line(asked=""),
        line(asked="2026-01-05T10:00:00"),
        line(asked="5.1.2026"),
        line(confirmed="2026-01-04T10:00:00+00:00"),
        line(asked="2999-01-01T00:00:00+00:00", confirmed=""),
        line(ip="999.1.1.1"),
        line(basis="single_opt_in"),
        line(channel="sms"),
        line(version=""),
        line("nobody"),
    ]
    path = write(tmp_path / "a.csv", HEADER, *bad, line("b@c.example"))
    assert counts(load(ConsentIntake(), path)) == (1, 0, 0, len(bad))


def test_a_dry_run_leaves_the_chain_alone(database, tmp_path):
    path = write(tmp_path / "a.csv", HEADER, line(), line("b@c.example"), line())
    assert counts(load(ConsentIntake(), path, dry_run=True, chunk_size=1)) == (2, 0, 1, 0)
    for table in ("address", "consent", "consent_event", "evidence_batch"):
        assert rows(f"SELECT count(*) FROM {table}") == [(0,)]


@pytest.mark.parametrize("way", ["column", "constant", "option"])
def test_who_vouches_for_the_records_of_another_system_is_sealed_with_each(database, tmp_path, way):
    said = {"old_system": "Old CRM", "attested_by": "Rita Roth"}
    more = {"column": (",old_system,attested_by", ",Old CRM,Rita Roth")}.get(way, ("", ""))
    path = write(tmp_path / "log.csv", HEADER + more[0], line() + more[1])
    mapping = None
    if way == "constant":
        named = [f"{name}: {name}" for name in HEADER.split(",")]
        mapping = write(tmp_path / "map.yaml", *named, '"=Old CRM": old_system', '"= Rita Roth": attested_by')
    assert counts(load(ConsentIntake(**(said if way == "option" else {})), path, mapping=mapping)) == (1, 0, 0, 0)
    for (evidence,) in rows("SELECT evidence FROM consent_event"):
        assert said.items() <= evidence["import"].items()
        assert evidence["import"]["line"] == 2
    with transaction() as session:
        (record,) = consent_records(session, [number for (number,) in rows("SELECT id FROM consent")]).values()
    assert said.items() <= record["migrated"].items()
    assert not {"old_system", "attested_by", "export_sha256", "export_line"} & set(record["missing"])


def test_every_kind_of_file_may_have_constants(database, tmp_path):
    path = write(tmp_path / "people.csv", "mail", "a@firma.example", "b@firma.example")
    mapping = write(tmp_path / "m.yaml", "mail: email", '"=AT": country', '"=fair": source')
    assert counts(load(ContactIntake(), path, mapping=mapping)) == (2, 0, 0, 0)
    assert rows("SELECT DISTINCT country, source FROM contact") == [("AT", "fair")]


def test_a_constant_is_no_second_column_and_stands_for_a_required_one(database, tmp_path):
    path = write(tmp_path / "log.csv", "email,asked,done", "a@firma.example,2026-01-05T10:00:00Z,2026-01-05T11:00:00Z")
    lines = [
        "email: email",
        "asked: requested_at",
        "done: confirmed_at",
        '"=double_opt_in": basis',
        '"=v1": text_version',
    ]
    assert counts(load(ConsentIntake(), path, mapping=write(tmp_path / "m.yaml", *lines))) == (1, 0, 0, 0)
    with pytest.raises(WrongInput, match="Two columns"):
        load(ConsentIntake(), path, mapping=write(tmp_path / "m.yaml", *lines, '"=v2": text_version'))
