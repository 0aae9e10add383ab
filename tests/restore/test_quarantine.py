"""What a quarantine lets through at which step, how it begins by itself, and who can end it."""

import json
import os
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from app.backup.making import _dump, _snapshot
from app.evidence.stamp_check import verify_everything
from app.restore.database import bring_back
from app.restore.releasing import release
from app.restore.replaying import replay
from app.restore.settling import settle
from contacts import email_address
from core import clock, db, evidence_anchors, quarantine
from core.db import transaction
from core.errors import CrusoeError, NotAllowed, NotReachable
from core.permissions import Role
from delivery.claim import claim
from delivery.gate import gate
from suppression import Cause, Question, add, ask, journal, journal_lines, merge_journal, read_journal
from suppression.journal_watch import beat, watch
from tests.campaigns.planning import somebody
from tests.delivery.sending import campaign, rows
from tests.factories import controller, people
from tests.full_disk import forked


def begin(**details):
    with transaction() as session:
        quarantine.begin(session, cause=quarantine.RESTORED, details=details)
        settle(session)


def stands():
    with transaction() as session:
        return quarantine.standing(session)


def object_to(name, **values):
    with transaction() as session:
        address = people(session, [name])[name]
        add(session, address_id=address, cause=Cause.OPTED_OUT, at=clock.now(), source="one_click", **values)
    return address


def line(reference, *, key="ab" * 32):
    return journal_lines.Line(
        *(1, key, "opted_out", "email", None, None, "2026-11-22T10:00:00+00:00", "one_click", "cd" * 32),
        reference=f"00000000-0000-0000-0000-{reference:012}",
    )


def test_the_gate_lets_nothing_pass_of_what_was_claimed_before_the_quarantine_began(database, home):
    run_id = campaign(3)
    with transaction() as session:
        taken = claim(session, most=10)
    begin()
    with transaction() as session:
        # As if nothing had been set aside.
        session.execute(text("UPDATE run SET state = 'open'"))
        session.execute(
            text("UPDATE message SET state = 'claimed', token = :t, lease_until = now() + interval '1 minute'"),
            {"t": taken.token},
        )
        assert gate(session, taken).bases == {}
    assert rows("SELECT DISTINCT state::text FROM message") == [("ready",)]
    assert rows(f"SELECT count(*) FROM message WHERE run_id = {run_id} AND state = 'handing_over'") == [(0,)]


def test_other_systems_are_told_nothing_while_objections_may_be_missing(database, home):
    carla = somebody(Role.COMPLIANCE, "carla")
    with transaction() as session:
        people(session, ["ann"])
        question = Question(channel="email", purpose="newsletter", controller_id=controller(session))
    asked = {"people": [email_address("ann@mail.example")], "question": question}
    begin()
    with transaction() as session, pytest.raises(NotAllowed):
        ask(session, **asked)
    with transaction() as session:
        replay(session, file=None, actor=carla, lost_at=None)
        assert ask(session, **asked).answers


def test_an_objection_that_only_the_journal_knows_begins_a_quarantine_by_itself(database, home):
    carla = somebody(Role.COMPLIANCE, "carla")
    campaign(3)
    with transaction() as session:
        assert watch(session)
    object_to("bob")
    with transaction() as session:
        assert watch(session)
        # A replica takes over that never heard of the last second.
        session.execute(text("UPDATE journal_position SET number = 0, bytes = 0"))
        session.execute(text("ALTER TABLE suppression_entry DISABLE TRIGGER USER"))
        session.execute(text("DELETE FROM suppression_entry"))
        session.execute(text("ALTER TABLE suppression_entry ENABLE TRIGGER USER"))
    assert stands() is None
    with transaction() as session:
        assert not watch(session)
        assert settle(session)
        assert not settle(session)
    assert stands().cause == quarantine.JOURNAL_AHEAD
    assert dict(rows("SELECT state::text, count(*) FROM message GROUP BY 1")) == {"unknown": 3}

    # The journal of the home goes to the very end, so one person from compliance can end it.
    with transaction() as session:
        assert replay(session, file=None, actor=carla, lost_at=None).stored == 1
    with transaction() as session:
        assert release(session, actor=carla, reason="read back", without_journal=False)["state"] == "released"
    with transaction() as session:
        assert watch(session)
    assert stands() is None


def test_anchors_that_are_younger_than_the_database_are_kept_as_proof_of_what_was_lost(database, home):
    with transaction() as session:
        first = evidence_anchors.anchor(session)
    younger = evidence_anchors.file_of(first.seq + 1)
    younger.write_bytes(b"of a database that was lost")
    with transaction() as session:
        assert [one.chain for one in verify_everything(session)] == ["anchor"]
    begin()
    (lost,) = evidence_anchors.folder().glob("lost-*/000002.json")
    assert not younger.exists()
    assert lost.read_bytes() == b"of a database that was lost"
    with transaction() as session:
        assert evidence_anchors.anchor(session).seq == 2
    with transaction() as session:
        assert verify_everything(session) == []
    (noted,) = rows("SELECT details FROM audit_event WHERE action = 'quarantine.settle'")
    assert noted.details["younger_anchors"] == {"000002.json": sha256(lost.read_bytes()).hexdigest()}


def test_signs_of_life_that_the_database_does_not_remember_begin_one_too(database, home):
    with transaction() as session:
        beat(session)
    # One can be ahead when a process died between the two; not two.
    for sound in (True, False):
        journal.append([journal_lines.Beat(clock.now().isoformat())])
        with transaction() as session:
            assert watch(session) is sound
            session.rollback()


def tells_that_it_cannot_write(copy: Path) -> bool:
    try:
        merge_journal(copy)
    except NotReachable as error:
        return error.code == "journal_not_written"
    return False


def test_what_is_missing_in_a_journal_is_named_and_a_torn_line_harms_no_other(home):
    journal.append([line(1), line(2)])
    with journal.path().open("a") as file:
        file.write('{"entry": 3, "key": "ab')
    journal.append([line(4), line(5), journal_lines.Launch("autumn", "2026-11-22T10:00:00+00:00")])
    assert [one.reference[-1] for one in journal.read() if isinstance(one, journal_lines.Line)] == ["1", "2", "4", "5"]
    assert (read_journal().gaps, read_journal().unreadable) == ((), 1)

    whole = journal.path().read_text().splitlines(keepends=True)
    copy = home / "copy.jsonl"
    copy.write_text("".join(one for one in whole if '"n": 3,' not in one and '"n": 1,' not in one))
    found = read_journal(copy)
    assert (found.gaps, found.lines) == (("1-1", "3-3"), 3)

    # A copy that knows more is taken in, once; what both know stays as it is.
    with copy.open("a") as file:
        file.write(json.dumps(vars(line(9)) | {"n": 6}) + "\n")
    before = journal.end().number
    full = journal.path().stat().st_size + 20
    assert forked(lambda: tells_that_it_cannot_write(copy), room=full)
    assert [merge_journal(copy), merge_journal(copy)] == [1, 0]
    assert journal.end().number == before + 1


def test_lines_of_processes_that_write_at_once_are_numbered_without_a_gap(home):
    children = []
    for child in range(4):
        if (pid := os.fork()) == 0:
            for number in range(25):
                journal.append([line(child * 100 + number)])
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    assert [one.number for one in journal.numbered()] == list(range(1, 101))


def test_without_a_whole_journal_only_two_people_end_a_quarantine(database, home):
    carla, carlo = somebody(Role.COMPLIANCE, "carla"), somebody(Role.COMPLIANCE, "carlo")
    rita = somebody(Role.RELEASER, "rita")
    object_to("ann")
    whole = journal.path().read_text()
    for trouble in ("ends too early", "has a gap", "was not read back"):
        journal.path().write_text(whole.replace('"n": 1', '"n": 2') if trouble == "has a gap" else whole)
        begin(journal_at=clock.now().isoformat(), lost_at="2026-01-01T00:00:00+00:00", until=None)
        with transaction() as session:
            if trouble != "was not read back":
                replay(session, file=None, actor=carla, lost_at="2099-01-01" if trouble == "ends too early" else None)
        states = []
        for actor, without in ((carla, False), (carla, True), (carla, True), (rita, True), (carlo, True)):
            try:
                with transaction() as session:
                    done = release(session, actor=actor, reason="it must go on", without_journal=without)
                states.append(done["state"])
            except CrusoeError as error:
                states.append(error.code)
        assert states == ["not_replayed", "asked", "asked", "not_permitted", "released"], trouble
    assert rows("SELECT count(*) FROM audit_event WHERE action = 'quarantine.release'") == [(3,)]


def test_a_dump_that_breaks_off_leaves_the_database_as_it_was(database, home):
    with transaction() as session:
        people(session, ["ann"])
    db.forget_engine()

    def broken(dump, left):
        yield dump[:left]

    def failing(dump):
        yield dump[:100_000]
        raise OSError("the disk is gone")

    with _snapshot() as (_session, name):
        dump = b"".join(_dump(name))
    # In the middle of a table, between two of them, and before the last byte.
    cut = [broken(dump, left) for left in (len(dump) * 2 // 3, dump.rindex(dump[-13:-8]), len(dump) - 1)]
    for blocks, expected in (*((one, NotReachable) for one in cut), (failing(dump), OSError)):
        with pytest.raises(expected):
            bring_back(blocks, details={})
        assert rows("SELECT count(*) FROM contact") == [(1,)]
        assert stands() is None
    db.forget_engine()
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        connection.execute("DROP TABLE contact CASCADE")
    bring_back(iter([dump]), details={"backup_at": "now"})
    assert rows("SELECT count(*) FROM contact") == [(1,)]
    assert stands().cause == quarantine.RESTORED
