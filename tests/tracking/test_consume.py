"""The way from the spool into the ledger: exactly once, at the level that each person allows now."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from contacts.models import RecipientChoice, TrackingLevel
from core.db import transaction
from tests.tracking.recipients import SENT, address
from tracking import consume
from tracking.consume import consume_spool
from tracking.models import Event, EventKind, Link, SpoolFile, Verdict
from tracking.spool import Spool, finished, folder, write_line
from tracking.tokens import Purpose, make_aggregate_token, make_message_token

AT = SENT * 1_000_000 + 60_000_000


def raw(at: int, purpose: str, token: str, ip: str, user_agent: str) -> bytes:
    return write_line(at=at, purpose=purpose, token=token, method="GET", prefetch=False, ip=ip, user_agent=user_agent)


def line(number: int, *, address_id: int, user_agent: str = "Thunderbird", at: int = AT) -> bytes:
    token = make_message_token(Purpose.OPEN, run_id=1, message_id=number, address_id=address_id, sent_at=SENT)
    return raw(at, "o", token, "203.0.113.7", user_agent)


def events() -> list[Event]:
    with transaction() as session:
        return list(session.scalars(select(Event).order_by(Event.id)))


@pytest.fixture
def spool(database) -> Spool:
    spool = Spool()
    yield spool
    spool.close()


def test_a_line_becomes_one_row_however_often_the_spool_is_consumed(spool):
    reader = address("a")
    for number in range(3):
        spool.append(line(number, address_id=reader), at=AT)
        assert consume_spool().rows == 1
        assert consume_spool().rows == 0
    rows = events()
    assert [row.message_id for row in rows] == [0, 1, 2]
    row = rows[0]
    assert (row.kind, row.run_id, row.address_id, row.link_id) == (EventKind.OPEN, 1, reader, None)
    assert (row.at, row.sent_at) == (datetime.fromtimestamp(AT / 1e6, UTC), datetime.fromtimestamp(SENT, UTC))
    assert (row.method, row.ip, row.user_agent, row.verdict) == ("GET", "203.0.113.7", "Thunderbird", None)


def test_a_file_is_removed_only_when_its_writer_has_moved_on(spool):
    reader = address("a")
    spool.append(line(1, address_id=reader), at=AT)
    consume_spool()
    assert len(list(folder().iterdir())) == 1
    spool.append(line(2, address_id=reader), at=AT + 60_000_000)
    consume_spool()
    [newer] = folder().iterdir()
    assert newer.name.startswith(f"{AT // 60_000_000 + 1}-")
    spool.close()
    consume_spool()
    assert list(folder().iterdir()) == []
    assert [row.message_id for row in events()] == [1, 2]


# The interpreter announces each lock that is about to be taken (PEP 578); a consumer comes between file and lock.
OVERTAKEN = """
import sys
from pathlib import Path
from tracking.consume import consume_spool
from tracking.spool import Spool, folder
came = []
def come_first(event, _):
    if event == "fcntl.flock" and not came:
        came.extend(folder().iterdir())
        consume_spool()
sys.addaudithook(come_first)
Spool().append(Path(sys.argv[1]).read_bytes(), at=int(sys.argv[2]))
assert came and not came[0].exists()
"""


def test_a_writer_notices_that_its_new_file_was_taken_for_a_finished_one(database, tmp_path):
    hit = tmp_path / "line"
    hit.write_bytes(line(1, address_id=address("a")))
    subprocess.run([sys.executable, "-c", OVERTAKEN, str(hit), str(AT)], check=True, timeout=60)
    assert consume_spool().rows == 1


def test_a_torn_last_line_waits_for_its_rest_and_is_dropped_when_the_writer_is_dead(database):
    reader = address("a")
    folder().mkdir(parents=True)
    whole, torn = line(1, address_id=reader), line(2, address_id=reader)
    path = folder() / "1-1-aa.hits"
    path.write_bytes(whole + torn[:20])
    with path.open("ab") as writer:
        import fcntl

        fcntl.flock(writer, fcntl.LOCK_SH)
        assert consume_spool().rows == 1
        writer.write(torn[20:])
        writer.flush()
        assert consume_spool().rows == 1
        writer.write(torn[:20])
        writer.flush()
        assert consume_spool().rows == 0
        assert path.exists()
    consume_spool()
    assert not path.exists()
    assert len(events()) == 2


def test_what_is_no_hit_is_left_out_and_the_rest_goes_on(database):
    reader = address("a")
    folder().mkdir(parents=True)
    forged = line(9, address_id=reader)
    forged = forged.replace(forged.split(b"\t")[2], b"A" * 60)
    (folder() / "1-1-aa.hits").write_bytes(
        b"\n\x00\x00\n" + line(1, address_id=reader) + forged + b"\xff\t\t\t\t\t\t\n" + line(2, address_id=reader)
    )
    (folder() / "2-1-bb.hits").write_bytes(b"x" * 5_000_000)
    (folder() / "3-1-cc.hits").write_bytes(line(3, address_id=reader))
    (folder() / "notes.txt").write_text("not ours")
    while consume_spool().more:
        pass
    assert [row.message_id for row in events()] == [1, 2, 3]
    assert [path.name for path in folder().iterdir()] == ["notes.txt"]


def test_blocks_smaller_than_a_file_lose_and_double_nothing(database, monkeypatch):
    reader = address("a")
    folder().mkdir(parents=True)
    (folder() / "1-1-aa.hits").write_bytes(b"".join(line(number, address_id=reader) for number in range(200)))
    monkeypatch.setattr(consume, "BYTES_AT_ONCE", 1000)
    while consume_spool().more:
        pass
    assert [row.message_id for row in events()] == list(range(200))


def test_a_failed_copy_is_copied_again_whole(spool):
    """The hits are stored and how far the file was copied cannot be: then the hits are not stored either."""
    reader = address("a")
    spool.append(line(1, address_id=reader), at=AT)
    with transaction() as session:
        session.execute(text("ALTER TABLE spool_file ADD CONSTRAINT broken CHECK (copied = 0)"))
    with pytest.raises(IntegrityError, match="broken"):
        consume_spool()
    assert events() == []
    with transaction() as session:
        session.execute(text("ALTER TABLE spool_file DROP CONSTRAINT broken"))
    assert consume_spool().rows == 1


def test_withdrawn_consent_counts_for_mails_that_are_out(spool):
    levels = {"individual": TrackingLevel.INDIVIDUAL, "aggregate": TrackingLevel.AGGREGATE, "none": TrackingLevel.NONE}
    readers = {name: address(name, level=level) for name, level in levels.items()}
    readers["silent"] = address("silent", level=None)
    for number, reader in enumerate(readers.values()):
        spool.append(line(number, address_id=reader, user_agent="curl/8"), at=AT)
    consume_spool()
    personal, counted = events()
    assert personal.address_id == readers["individual"]
    assert (counted.run_id, counted.kind, counted.verdict) == (1, EventKind.OPEN, Verdict.MACHINE)
    assert counted.message_id is counted.address_id is counted.ip is counted.user_agent is counted.sent_at is None
    with transaction() as session:
        session.execute(update(RecipientChoice).values(tracking=TrackingLevel.NONE))
    spool.append(line(9, address_id=readers["individual"]), at=AT)
    assert consume_spool().rows == 0


def test_aggregate_hits_are_counted_without_a_person(spool):
    token = make_aggregate_token(Purpose.CLICK, run_id=4, link_id=8)
    spool.append(raw(AT, "c", token, "", "Thunderbird"), at=AT)
    consume_spool()
    [row] = events()
    assert (row.run_id, row.link_id, row.verdict) == (4, 8, Verdict.HUMAN)
    assert row.message_id is row.address_id is row.ip is row.user_agent is None


def test_progress_of_files_long_gone_is_forgotten_and_of_files_still_there_is_not(spool):
    reader = address("a")
    spool.append(line(1, address_id=reader), at=AT)
    consume_spool()
    with transaction() as session:
        session.add(SpoolFile(name="gone.hits", copied=5))
        session.flush()
        session.execute(text("UPDATE spool_file SET copied_at = now() - interval '8 days'"))
        assert consume.forget_old_files(session) == 1
        assert session.scalars(select(SpoolFile.name)).all() == [path.name for path in folder().iterdir()]


WRITER = """
import os, sys, time
from tracking.spool import SPOOL, write_line
from tracking.tokens import Purpose, make_message_token
first, reader = int(sys.argv[1]), int(sys.argv[2])
for number in range(first, first + 1_000_000):
    token = make_message_token(Purpose.OPEN, run_id=1, message_id=number, address_id=reader, sent_at=1)
    at = time.time_ns() // 1000
    SPOOL.append(write_line(
        at=at, purpose="o", token=token, method="GET", prefetch=False, ip="", user_agent="x"), at=number * 100_000)
    os.write(1, f"{number}\\n".encode())
    time.sleep(0.0003)
"""

CONSUMER = """
from tracking.consume import consume_spool
while True:
    consume_spool()
"""


def test_kill_9_of_writers_and_consumers_loses_and_doubles_nothing_that_was_acknowledged(database, tmp_path):
    reader = address("a")
    acknowledged: set[int] = set()
    consumer = subprocess.Popen([sys.executable, "-c", CONSUMER])
    for lap in range(4):
        said = tmp_path / f"said-{lap}"
        with said.open("wb") as output:
            writer = subprocess.Popen([sys.executable, "-c", WRITER, str(lap * 10_000_000), str(reader)], stdout=output)
        while said.stat().st_size < 2_000:
            time.sleep(0.01)
        time.sleep(0.1 * lap)
        consumer.send_signal(signal.SIGKILL)
        consumer.wait()
        consumer = subprocess.Popen([sys.executable, "-c", CONSUMER])
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        acknowledged |= {int(word) for word in said.read_bytes().rsplit(b"\n", 1)[0].split()}
    consumer.kill()
    consumer.wait()
    while consume_spool().more:
        pass
    stored = [row.message_id for row in events()]
    assert len(stored) == len(set(stored))
    # At most the one hit of each writer that was stored but not answered any more.
    assert acknowledged <= set(stored)
    assert len(stored) - len(acknowledged) <= 4
    assert list(folder().iterdir()) == []


def test_two_consumers_at_once_store_each_line_once(database):
    reader = address("a")
    folder().mkdir(parents=True)
    for file in range(5):
        (folder() / f"{file}-1-aa.hits").write_bytes(
            b"".join(line(file * 1000 + number, address_id=reader) for number in range(500))
        )
    once = CONSUMER.replace("while True:", "for _ in range(20):")
    both = [subprocess.Popen([sys.executable, "-c", once]) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    stored = [row.message_id for row in events()]
    assert len(stored) == len(set(stored)) == 2500


def test_a_forked_process_writes_a_file_of_its_own(spool):
    reader = address("a")
    spool.append(line(1, address_id=reader), at=AT)
    child = os.fork()
    if child == 0:
        spool.close()
        spool.append(line(2, address_id=reader), at=AT)
        os._exit(0)
    os.waitpid(child, 0)
    assert len(list(folder().iterdir())) == 2
    spool.append(line(3, address_id=reader), at=AT)
    consume_spool()
    assert sorted(row.message_id for row in events()) == [1, 2, 3]


def test_the_lock_says_whether_a_writer_lives(spool):
    spool.append(b"x\n", at=AT)
    [path] = folder().iterdir()
    handle = os.open(path, os.O_RDONLY)
    assert not finished(handle)
    spool.close()
    assert finished(handle)
    os.close(handle)


def test_a_get_changes_nothing_but_the_spool(database):
    from tests.tracking.test_hits import call
    from tracking import hits

    hits._targets.clear()
    hits.SPOOL.close()
    with transaction() as session:
        session.add(Link(run_id=5, position=0, target="https://shop.example/"))

    def state() -> list[str]:
        with transaction() as session:
            tables = session.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            ).all()
            digest = "SELECT count(*) || coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM"
            return [f"{table} {session.scalar(text(f'{digest} {table} AS t'))}" for table in tables]

    before = state()
    for agent in ("Mozilla/5.0", "BarracudaCentral", "GoogleImageProxy"):
        for method in ("GET", "HEAD", "OPTIONS"):
            for purpose in Purpose:
                token = make_message_token(purpose, run_id=5, message_id=1, address_id=2, link_id=1, sent_at=SENT)
                call(f"/{purpose}/{token}", method=method, HTTP_USER_AGENT=agent, HTTP_SEC_PURPOSE="prefetch")
    assert state() == before
