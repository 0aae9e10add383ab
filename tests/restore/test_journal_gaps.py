"""A disk that is full: an objection that the database has is accepted, and everybody hears what the journal lacks."""

import pytest

from app.numbers.alarms import alarms
from app.numbers.reading import read_numbers
from app.restore.cli import restore_group
from app.restore.releasing import obstacles
from app.restore.replaying import replay
from app.web import create_app
from core import clock, db, quarantine
from core.db import transaction
from core.permissions import Role
from suppression import Cause, journal, missing_lines, read_journal
from suppression.entries import NewEntry, add_many
from suppression.journal_gaps import mend
from suppression.journal_watch import beat
from tests.browsing import post, signed_in
from tests.campaigns.planning import somebody
from tests.delivery.sending import rows
from tests.factories import people
from tests.full_disk import forked
from tests.suppression.test_commands import run


def object_to(*address_ids):
    with transaction() as session:
        entries = [NewEntry(each, Cause.OPTED_OUT, clock.now(), "one_click") for each in address_ids]
        return add_many(session, entries) == len(entries)


def object_on_a_full_disk(*address_ids, room):
    """Objections of a process that can write `room` bytes more into the journal."""
    db.forget_engine()
    size = journal.path().stat().st_size
    assert forked(lambda: object_to(*address_ids), room=size + room)


def missing():
    with transaction() as session:
        return missing_lines(session)


@pytest.fixture
def addresses(database, home):
    with transaction() as session:
        found = people(session, [f"p{number}" for number in range(30)])
    object_to(found["p0"])
    return list(found.values())[1:]


def test_an_objection_is_accepted_and_what_the_journal_lacks_is_named_until_it_is_whole(addresses):
    client = signed_in(create_app(), Role.MARKETER)
    before = journal.path().read_bytes()
    object_on_a_full_disk(addresses[0], room=20)
    assert rows("SELECT count(*) FROM suppression_entry") == [(2,)]
    assert journal.path().read_bytes() == before

    # Status, numbers and every page say so, and the journal does not say that it is whole.
    assert missing().lines == 1
    with transaction() as session:
        numbers = read_numbers(session)
        beat(session)
    assert (numbers.journal_missing, [one.code for one in alarms(numbers)][:1]) == (1, ["journal_gap"])
    assert run(restore_group, "status")["journal"]["missing"] == 1
    assert "1 lines could not be written" in client.get("/").text
    post(client, "/profile/language", locale="de")
    assert "Das Protokoll der Widersprüche ist seit" in client.get("/").text
    assert journal.path().read_bytes() == before

    # As long as there is no room it stays so; then it is made whole from the database.
    db.forget_engine()
    assert not forked(_mended, room=len(before) + 20)
    assert missing().lines == 1
    assert _mended()
    assert missing() is None
    assert "Das Protokoll der Widersprüche ist seit" not in client.get("/").text
    assert [one.key for one in journal.read()] == [row.key for row in _keys()]
    assert read_journal().unwritten == 0
    assert [row.action for row in rows("SELECT action FROM audit_event WHERE object_type = 'journal' ORDER BY id")] == [
        "journal.gap",
        "journal.mended",
    ]


def test_a_journal_that_says_that_lines_are_missing_ends_no_quarantine_by_one_person(addresses):
    """Where a short line finds room, the file itself tells a restore that knows nothing of the lost database."""
    carla = somebody(Role.COMPLIANCE, "carla")
    object_on_a_full_disk(*addresses, room=200)
    assert read_journal().unwritten == len(addresses)
    with transaction() as session:
        quarantine.begin(session, cause=quarantine.RESTORED, details={})
    with transaction() as session:
        done = replay(session, file=None, actor=carla, lost_at=None)
        assert (done.unwritten, done.gaps, done.unreadable) == (len(addresses), (), 0)
        assert any(
            f"{len(addresses)} of its lines" in str(one) for one in obstacles(session, quarantine.standing(session))
        )
    assert _mended()
    with transaction() as session:
        assert replay(session, file=None, actor=carla, lost_at=None).unwritten == 0


def _mended():
    with transaction() as session:
        return mend(session)


def _keys():
    return rows(
        "SELECT encode(a.key, 'hex') AS key FROM suppression_entry AS e"
        " JOIN address AS a ON a.id = e.address_id ORDER BY e.id"
    )
