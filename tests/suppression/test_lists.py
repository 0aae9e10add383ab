"""External lists: read exactly as published, never half, never older than allowed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from contacts.models import Channel, Endpoint
from core import clock
from core.db import transaction
from core.errors import CrusoeError, NotFound, WrongInput
from suppression import RuleSettings, activate, assess, import_list, status
from suppression.lists import at_ecg_file
from suppression.lists.load import Imported
from suppression.lists.matching import catch_up
from suppression.models import ListHit, ListRecord, ListVersion, VersionState
from suppression.rule_settings import RequiredList
from tests.suppression.people import QUESTION, approval, consents, everybody, person

ECG = "at.ecg.file"

# The operator publishes a test list of four entries; these are their digests and what they stand for.
VECTORS = {
    "karl.testinger@firma.at": "ba72d6793be4cdd14256bbb5662033e3ee5e1951",
    "max.mustermann@home.at": "37fbe81ddddcb86b17d5afb55b8a10ba8d4ebd16",
    "@home.lan": "471807096c1fbbece51ed10a4257f90385954ca9",
    "@firma.lan": "4813659c74cf5419c8173cd409bd20b1720709c1",
}


def ecg_file(path: Path, entries: Sequence[str]) -> Path:
    file = path / "ecg-liste.hash"
    file.write_bytes(b"".join(sha1(entry.lower().encode()).digest() for entry in entries))  # noqa: S324 - their format
    return file


def load(path: Path, entries: Sequence[str], **options: Any) -> Imported:
    return import_list(path=ecg_file(path, entries), list_id=ECG, actor="test", **options)


@pytest.mark.parametrize("entry", VECTORS)
def test_the_published_entries_are_digested_as_the_operator_does(entry: str) -> None:
    made = at_ecg_file.domain_digests(entry[1:]) if entry[0] == "@" else at_ecg_file.address_digests(entry)
    assert bytes.fromhex(VECTORS[entry]) in made


@pytest.mark.parametrize(
    ("address", "listed"),
    [
        ("karl.testinger@firma.at", True),
        ("Karl.Testinger@FIRMA.at", True),
        ("max.mustermann@home.at", True),
        ("anybody@home.lan", True),
        ("somebody.else@Firma.LAN", True),
        ("karl.testinger@firmu.ut", False),
        ("mix.mustermann@home.at", False),
        ("foo@home.lon", False),
        ("max.mustermann@farma.lan", False),
        ("karltestinger@firma.at", False),
        ("anybody@sub.home.lan", False),
        ("home.lan@elsewhere.at", False),
    ],
)
def test_exactly_the_listed_addresses_and_domains_are_found(address: str, listed: bool) -> None:
    known = {bytes.fromhex(digest) for digest in VECTORS.values()}
    made = {*at_ecg_file.address_digests(address), *at_ecg_file.domain_digests(address.rpartition("@")[2])}
    assert bool(made & known) is listed


def test_an_international_domain_is_found_in_both_spellings() -> None:
    one, other = (at_ecg_file.address_digests(f"info@{name}.example") for name in ("münchen", "xn--mnchen-3ya"))
    assert set(one) == set(other)
    assert len(set(one)) == 2


def test_an_import_finds_our_people_by_address_and_by_domain(database: str, tmp_path: Path) -> None:
    with transaction() as session:
        by_address = person(session, "Karl.Testinger@firma.at", country="AT")
        by_domain = person(session, "anybody@home.lan", country="AT")
        person(session, "free@firma.at", country="AT")
    imported = load(tmp_path, list(VECTORS))
    assert (imported.records, imported.hits, imported.changed) == (4, 2, True)
    with transaction() as session:
        hits = {hit.address_id: hit.by_domain for hit in session.scalars(select(ListHit))}
    assert hits == {by_address.address_id: False, by_domain.address_id: True}


def test_the_same_file_again_changes_nothing_and_a_new_date_makes_a_new_version(database: str, tmp_path: Path) -> None:
    first = load(tmp_path, list(VECTORS))
    again = load(tmp_path, list(VECTORS))
    assert (again.version, again.changed) == (first.version, False)
    dated = load(tmp_path, list(VECTORS), published_at=clock.now() - timedelta(days=3), approval=approval())
    assert dated.changed
    assert dated.version != first.version
    with transaction() as session:
        states = dict(session.execute(select(ListVersion.id, ListVersion.state)).all())
    assert states == {first.version: VersionState.REPLACED, dated.version: VersionState.ACTIVE}


def test_a_record_that_stands_twice_counts_once(database: str, tmp_path: Path) -> None:
    assert load(tmp_path, ["a@one.example", "a@one.example", "b@one.example"]).records == 2


def _truncated(content: bytes) -> bytes:
    return content[:-7]


def _shifted(content: bytes) -> bytes:
    return content[3:] + b"abc"


def _shifted_right(content: bytes) -> bytes:
    return b"abc" + content[:-3]


def _with_newlines_changed(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n") + b"\r"


@pytest.mark.parametrize(
    ("mutation", "code"),
    [
        (lambda _: b"", "list_empty"),
        (_truncated, "list_broken"),
        (_with_newlines_changed, "list_broken"),
        (_shifted, "list_broken"),
        (_shifted_right, "list_broken"),
    ],
)
def test_a_broken_file_changes_nothing_and_says_why(database: str, tmp_path: Path, mutation: object, code: str) -> None:
    before = load(tmp_path, [f"reader{number}@one.example" for number in range(200)])
    file = tmp_path / "ecg-liste.hash"
    file.write_bytes(mutation(file.read_bytes()))  # type: ignore[operator]
    with pytest.raises(WrongInput) as refused:
        import_list(path=file, list_id=ECG, actor="test", approval=approval())
    assert refused.value.code == code
    assert str(file) in str(refused.value)
    with transaction() as session:
        assert session.scalars(select(ListVersion.id)).all() == [before.version]
        assert session.scalar(select(func.count()).select_from(ListRecord)) == 200


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_a_file_that_cannot_be_read_is_a_clear_error(database: str, tmp_path: Path, what: str) -> None:
    path = tmp_path / "nothing.hash"
    if what == "folder":
        path.mkdir()
        (path / "x").touch()
    with pytest.raises(CrusoeError) as refused:
        import_list(path=path, list_id=ECG, actor="test")
    assert refused.value.code in {"list_unreadable", "list_broken"}


def test_an_unknown_list_and_a_date_in_the_future_are_refused(database: str, tmp_path: Path) -> None:
    file = ecg_file(tmp_path, list(VECTORS))
    with pytest.raises(NotFound, match=ECG):
        import_list(path=file, list_id="nowhere", actor="test")
    with pytest.raises(WrongInput, match="future"):
        import_list(path=file, list_id=ECG, published_at=clock.now() + timedelta(days=2), actor="test")


def test_an_outdated_list_holds_those_whom_it_concerns_and_nobody_else(database: str, tmp_path: Path) -> None:
    with transaction() as session:
        people = {country: person(session, f"{country}@one.example", country=country) for country in ("AT", "DE", None)}
        for who in people.values():
            consents(session, who, confirmed_at=clock.now() - timedelta(days=10))
    load(tmp_path, list(VECTORS), published_at=clock.now() - timedelta(days=29))
    assert _codes(people) == {"AT": "consent", "DE": "consent", None: "consent"}
    load(tmp_path, list(VECTORS), published_at=clock.now() - timedelta(days=31), approval=approval())
    assert _codes(people) == {"AT": "list_outdated", "DE": "consent", None: "list_outdated"}
    with transaction() as session:
        activate(session, RuleSettings(required_lists=()), actor="test")
    assert _codes(people) == {"AT": "consent", "DE": "consent", None: "consent"}


def test_a_list_that_was_never_loaded_holds_as_an_outdated_one(database: str) -> None:
    with transaction() as session:
        who = person(session, "reader@one.example", country="AT")
        consents(session, who, confirmed_at=clock.now() - timedelta(days=10))
    assert _codes({"AT": who}) == {"AT": "list_outdated"}


def test_a_list_is_asked_on_its_own_channels_only_and_one_that_nobody_can_read_holds(database: str) -> None:
    unreadable = RuleSettings(required_lists=(RequiredList(list_id="xx.unknown", countries=("AT",)),))
    with transaction() as session:
        who = person(session, "reader@one.example", country="AT")
        consents(session, who, confirmed_at=clock.now() - timedelta(days=10)).channel = Channel.SMS
        session.flush()
        consents(session, who, confirmed_at=clock.now() - timedelta(days=10))
        by_sms = replace(QUESTION, channel="sms")
        assert assess(session, audience=everybody(), question=by_sms).counts()["reasons"] == {"consent": 1}
        assert assess(session, audience=everybody(), question=QUESTION).counts()["reasons"] == {"list_outdated": 1}
        activate(session, unreadable, actor="test")
        for question in (by_sms, QUESTION):
            found = assess(session, audience=everybody(), question=question, recheck_lists=True)
            assert found.counts()["reasons"] == {"list_outdated": 1}


def _codes(people: dict) -> dict:
    with transaction() as session:
        rows = assess(session, audience=everybody(), question=QUESTION).rows
        codes = dict(session.execute(select(rows.c.address_id, rows.c.code)).all())
    return {name: codes[who.address_id] for name, who in people.items()}


def test_people_who_come_after_the_list_are_matched_before_they_are_decided_about(
    database: str, tmp_path: Path
) -> None:
    load(tmp_path, list(VECTORS))
    with transaction() as session:
        late = person(session, "karl.testinger@firma.at", country="AT")
        consents(session, late, confirmed_at=clock.now() - timedelta(days=10))
    assert _codes({"late": late}) == {"late": "robinson_listed"}
    with transaction() as session:
        version = session.scalars(select(ListVersion)).one()
        assert version.matched_up_to == session.scalar(select(func.max(Endpoint.id)))
        catch_up(session)


def test_the_gate_asks_the_list_itself_and_not_only_the_known_hits(database: str, tmp_path: Path) -> None:
    with transaction() as session:
        who = person(session, "karl.testinger@firma.at", country="AT")
        consents(session, who, confirmed_at=clock.now() - timedelta(days=10))
    load(tmp_path, list(VECTORS))
    with transaction() as session:
        session.execute(delete(ListHit))
    with transaction() as session:
        plan = assess(session, audience=everybody(), question=QUESTION)
        gate = assess(session, audience=everybody(), question=QUESTION, recheck_lists=True)
        assert plan.counts()["reasons"] == {"consent": 1}
        assert gate.counts()["reasons"] == {"robinson_listed": 1}


def test_a_new_version_clears_whom_the_operator_took_off(database: str, tmp_path: Path) -> None:
    with transaction() as session:
        who = person(session, "anybody@home.lan", country="AT")
        consents(session, who, confirmed_at=clock.now() - timedelta(days=10))
    load(tmp_path, list(VECTORS))
    assert _codes({"who": who}) == {"who": "robinson_listed"}
    load(tmp_path, ["karl.testinger@firma.at"], approval=approval())
    assert _codes({"who": who}) == {"who": "consent"}


def test_status_tells_the_age_and_whether_it_is_too_high(database: str, tmp_path: Path) -> None:
    with transaction() as session:
        (missing,) = status(session)
    assert (missing.list, missing.state, missing.version, missing.records) == (ECG, "missing", None, 0)
    load(tmp_path, list(VECTORS), published_at=clock.now() - timedelta(days=12, hours=1))
    with transaction() as session:
        (fresh,) = status(session)
        (later,) = status(session, as_of=clock.now() + timedelta(days=18))
        activate(
            session,
            RuleSettings(required_lists=(RequiredList(list_id=ECG, countries=("AT",), max_age_days=5),)),
            actor="test",
        )
        (strict,) = status(session)
    assert (fresh.state, fresh.age_days, fresh.max_age_days, fresh.records) == ("fresh", 12, 30, 4)
    assert later.state == "outdated"
    assert (strict.state, strict.max_age_days) == ("outdated", 5)


def test_ages_are_counted_from_publication(tmp_path: Path, database: str) -> None:
    published = datetime(2026, 11, 1, tzinfo=UTC)
    assert load(tmp_path, list(VECTORS), published_at=published).published_at == published
