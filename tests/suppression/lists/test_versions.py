"""Versions of lists: switched at once, compared, taken out of use by compliance only, and matched on their channels."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from contacts.models import Channel, Contact, Endpoint
from core import clock, users
from core.audit import AuditEvent
from core.db import transaction
from core.errors import CrusoeError, NotAllowed, NotFound, WrongInput
from core.permissions import Role
from suppression import status
from suppression.lists.load import import_list
from suppression.lists.lookup import difference, match
from suppression.lists.matching import catch_up
from suppression.lists.switching import expire, remove
from suppression.models import ListHit, ListRecord, ListVersion, VersionState
from tests.suppression.lists.samples import NUMBERS, PARTNERS, SAMPLES, hashed, joined, tps
from tests.suppression.people import address_of, approval


def put(folder: Path, content: bytes, list_id: str, **options: object) -> int:
    file = folder / "list"
    file.write_bytes(content)
    return import_list(path=file, list_id=list_id, actor="test", **options).version


def reachable(name: str, *, value: str, channel: Channel, country: str = "GB") -> int:
    """A person with an endpoint on a channel; answers the id of the address."""
    with transaction() as session:
        first, _, last = name.partition(" ")
        contact = Contact(country=country, first_name=first, last_name=last, fields={})
        address = address_of(f"{channel}:{name}:{value}")
        session.add_all([contact, address])
        session.flush()
        session.add(Endpoint(contact_id=contact.id, channel=channel, address_id=address.id, value=value))
        return address.id


def hits(version: int) -> set[int]:
    with transaction() as session:
        return set(session.scalars(select(ListHit.address_id).where(ListHit.version_id == version)))


def acting(role: Role) -> users.Actor:
    with transaction() as session:
        users.add(session, email=f"{role}@firma.example", role=role)
        return users.actor(session, f"{role}@firma.example")


def records() -> dict[int, int]:
    with transaction() as session:
        counted = select(ListRecord.version_id, func.count()).group_by(ListRecord.version_id)
        return dict(session.execute(counted).all())


def test_lists_are_matched_on_the_channels_they_are_for(database: str, tmp_path: Path) -> None:
    called = reachable("Ann Lee", value="+441632960001", channel=Channel.PHONE)
    reachable("Ben Lee", value="+441632960009", channel=Channel.PHONE)
    written = reachable("Jane Smith", value="12 High Street\nLS1 4AB Leeds\nGB", channel=Channel.POST)
    reachable("Jane Smithers", value="12 High Street\nLS1 4AB Leeds\nGB", channel=Channel.POST)
    assert hits(put(tmp_path, tps(NUMBERS, joined), "uk.tps")) == {called}
    mps = put(tmp_path, next(one.content for one in SAMPLES if one.name == "mps, csv"), "uk.mps")
    assert hits(mps) == {written}
    late = reachable("John Smith", value="12 High St.\nLS1 4AB Leeds\nGB", channel=Channel.POST)
    with transaction() as session:
        catch_up(session)
    assert hits(mps) == {written, late}


def test_a_change_list_changes_the_version_in_force_and_the_old_records_go(database: str, tmp_path: Path) -> None:
    gone = reachable("A B", value="+12125551234", channel=Channel.PHONE, country="US")
    came = reachable("C D", value="+13035550000", channel=Channel.PHONE, country="US")
    with pytest.raises(NotAllowed, match="changed"):
        put(tmp_path, b"303,5550000,2026-11-02,A\r\n", "us.ftc.dnc")
    before = put(tmp_path, b"202,5551234\r\n212,5551234\r\n", "us.ftc.dnc")
    changes = b"303,5550000,2026-11-02,A\r\n212,5551234,2026-11-02,D\r\n404,5550000,2026-11-02,A\r\n"
    after = put(tmp_path, changes + b"404,5550000,2026-11-03,D\r\n", "us.ftc.dnc", approval=approval())
    assert (hits(before), hits(after)) == ({gone}, {came})
    assert records() == {after: 2}
    with transaction() as session:
        found = difference(session, list_id="us.ftc.dnc", before=before, after=after)
        assert (found.added, found.removed, found.hits_gained, found.hits_lost) == (1, 1, 1, 1)
        with pytest.raises(NotFound):
            difference(session, list_id="ca.dncl", before=before, after=after)


def test_a_list_whose_records_stay_is_compared_at_any_time(database: str, tmp_path: Path) -> None:
    ecg = next(one.content for one in SAMPLES if one.name == "ecg")
    editions = (ecg, ecg[:60], ecg + bytes(range(20)))
    versions = [put(tmp_path, content, "at.ecg.file", approval=approval()) for content in editions]
    with transaction() as session:
        first, last = (
            difference(session, list_id="at.ecg.file", before=versions[0], after=one) for one in versions[1:]
        )
    assert (first.added, first.removed) == (0, 1)
    assert (last.added, last.removed) == (1, 0)


def test_only_compliance_replaces_a_version_and_says_why(database: str, tmp_path: Path) -> None:
    first = put(tmp_path, tps(NUMBERS, joined), "uk.tps")
    longer = tps([*NUMBERS, "01632960777"], joined)
    for wrong in (None, approval("  "), approval("a new edition", role=Role.MARKETER)):
        with pytest.raises(NotAllowed) as refused:
            put(tmp_path, longer, "uk.tps", approval=wrong)
        assert refused.value.code == ("reason_needed" if wrong is None or not wrong.reason.strip() else "not_permitted")
    # A version that was taken away is replaced for a reason, too; the very same file is no other version.
    assert put(tmp_path, tps(NUMBERS, joined), "uk.tps") == first
    with transaction() as session:
        remove(session, list_id="uk.tps", actor=approval().actor, reason="damaged")
    with pytest.raises(NotAllowed):
        put(tmp_path, longer, "uk.tps")
    second = put(tmp_path, longer, "uk.tps", approval=approval(" the edition of November "))
    with transaction() as session:
        assert session.get_one(ListVersion, first).reason is None
        assert session.get_one(ListVersion, second).reason == "the edition of November"
        noted = session.scalars(select(AuditEvent).where(AuditEvent.action == "list.import")).all()[-1]
        assert (noted.actor, noted.reason) == ("compliance@firma.example", "the edition of November")


def test_a_list_that_shrinks_suddenly_is_taken_when_compliance_says_that_it_is_right(
    database: str, tmp_path: Path
) -> None:
    numbers = [f"0163296{number:04}" for number in range(200)]
    before = put(tmp_path, tps(numbers, joined), "uk.tps")
    half = tps(numbers[:100], joined)
    for wrong in (None, approval(), approval("  ", shrunk=True), approval(role=Role.MARKETER, shrunk=True)):
        with pytest.raises(NotAllowed):
            put(tmp_path, half, "uk.tps", approval=wrong)
    assert records() == {before: 200}
    given = approval("the operator says so", shrunk=True)
    after = put(tmp_path, half, "uk.tps", approval=given)
    assert records() == {after: 100}
    with transaction() as session:
        noted = session.scalars(select(AuditEvent).where(AuditEvent.action == "list.import")).all()[-1]
        assert (noted.actor, noted.reason, noted.user_id) == (
            given.actor.email,
            "the operator says so",
            given.actor.id,
        )


@pytest.mark.parametrize("verb", [remove, expire])
def test_a_list_is_taken_out_of_use_by_compliance_with_a_reason_only(verb, database: str, tmp_path: Path) -> None:
    version = put(tmp_path, tps(NUMBERS, joined), "uk.tps")
    compliance, marketer = acting(Role.COMPLIANCE), acting(Role.MARKETER)
    for actor, reason in ((marketer, "because"), (compliance, " ")):
        with transaction() as session, pytest.raises(NotAllowed):
            verb(session, list_id="uk.tps", actor=actor, reason=reason)
    with transaction() as session:
        verb(session, list_id="uk.tps", actor=compliance, reason="damaged")
        (shown,) = (one for one in status(session, every=True) if one.list == "uk.tps")
        assert shown.state == ("missing" if verb is remove else "outdated")
        noted = session.scalars(select(AuditEvent).where(AuditEvent.action == f"list.{verb.__name__}")).first()
        assert (noted.actor, noted.reason, noted.object_id) == (compliance.email, "damaged", str(version))
        if verb is remove:
            with pytest.raises(NotFound):
                verb(session, list_id="uk.tps", actor=compliance, reason="again")
    # The same file puts it back.
    assert put(tmp_path, tps(NUMBERS, joined), "uk.tps", approval=approval()) != version


def test_a_partner_list_needs_a_canary_that_some_rule_finds(database: str, tmp_path: Path) -> None:
    from hashlib import sha256

    content = hashed(sha256, [*PARTNERS[:2], "Canary.Bird@three.example"])
    for canary in ("", "nobody@four.example"):
        with pytest.raises(WrongInput):
            put(tmp_path, content, "partner.hashed", options={"canary": canary})
    version = put(tmp_path, content, "partner.hashed", options={"canary": "Canary.Bird@three.example"})
    with transaction() as session:
        assert session.get_one(ListVersion, version).reading == {"algorithm": "sha256", "rule": "as written"}
        found = match(session, list_id="partner.hashed", addresses=["ANNA@one.example", "eva@one.example"])
    assert [one.listed for one in found] == [True, False]


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("exact", [True, False, False]),
        ("subdomains_only", [False, True, False]),
        ("domain_and_subdomains", [True, True, False]),
    ],
)
def test_a_domain_pattern_means_what_was_said(pattern: str, named: list[bool], database: str, tmp_path: Path) -> None:
    put(tmp_path, b"firma.example\nother.example\n", "partner.hashed", options={"domains": pattern})
    asked = ["a@firma.example", "a@mail.firma.example", "a@myfirma.example"]
    with transaction() as session:
        found = match(session, list_id="partner.hashed", addresses=asked)
    assert [one.listed for one in found] == named
    assert [one.by_domain for one in found] == named
    for wrong in (b"@firma.example\n", b".firma.example\n", b"firma\n"):
        with pytest.raises(WrongInput):
            put(tmp_path, wrong, "partner.hashed", options={"domains": pattern}, approval=approval())


def test_what_was_expected_must_be_there_and_options_must_be_known(database: str, tmp_path: Path) -> None:
    content = tps(NUMBERS, joined)
    for options in ({"expected": 5}, {"options": {"colour": "red"}}):
        with pytest.raises(CrusoeError):
            put(tmp_path, content, "uk.tps", **options)
    told: list[int] = []
    put(tmp_path, content, "uk.tps", expected=4, told=told.append)
    assert told == [4]
    with pytest.raises(WrongInput, match="column"):
        put(tmp_path, b"a,b\n1,2\n", "ie.ndd", options={"phone": "number"})
    with transaction() as session:
        assert session.scalars(select(ListVersion.state)).all() == [VersionState.ACTIVE]


def test_the_danish_list_tells_its_own_day(database: str, tmp_path: Path) -> None:
    version = put(tmp_path, next(one.content for one in SAMPLES if one.name == "dk"), "dk.robinson")
    with transaction() as session:
        assert f"{session.get_one(ListVersion, version).published_at:%Y-%m-%d}" == "2026-10-01"


def test_a_list_is_due_before_it_is_too_old(database: str, tmp_path: Path) -> None:
    put(tmp_path, tps(NUMBERS, joined), "uk.tps", published_at=clock.now() - timedelta(days=20))
    seen = {}
    with transaction() as session:
        for days in (0, 1, 3, 7, 9):
            (shown,) = (
                one for one in status(session, as_of=clock.now() + timedelta(days=days)) if one.list == "uk.tps"
            )
            seen[days] = str(shown.state)
    assert seen == {0: "fresh", 1: "fresh", 3: "due", 7: "due", 9: "outdated"}
