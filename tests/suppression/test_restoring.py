"""After a backup was restored, opt-outs and blocks that came later are there again; the file tells no address."""

import json

import time_machine
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.cli import crusoe
from contacts import email_address
from contacts.models import Company
from core import clock, users
from core.db import transaction
from core.permissions import Role
from suppression import (
    Block,
    BlockKind,
    Cause,
    NewEntry,
    add_block,
    add_many,
    agree_to_lift,
    ask_to_lift,
    close_case,
    entries,
    journal,
    journal_lines,
    open_case,
    target,
)
from suppression.restoring import read_back
from tests.suppression.people import person


def rows(sql):
    with transaction() as session:
        return [tuple(row) for row in session.execute(text(sql))]


def restore(user="carla@house.example"):
    result = CliRunner().invoke(crusoe, ["block", "restore", "--as", user, "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


ENTRIES = """
    SELECT address_id, encode(domain_key, 'hex'), below, company_id, cause, at, until, source, channel, purpose,
           evidence ->> 'kind' FROM suppression_entry ORDER BY cause, at, id
"""


def forget():
    """As if the backup had been made before all of it."""
    with transaction() as session:
        session.execute(text("ALTER TABLE suppression_entry DISABLE TRIGGER USER"))
        session.execute(text("DELETE FROM suppression_entry"))
        session.execute(text("ALTER TABLE suppression_entry ENABLE TRIGGER USER"))


def test_what_came_after_a_backup_is_read_back_from_the_journal(database, home):
    with transaction() as session:
        users.add(session, email="carla@house.example", role=Role.COMPLIANCE)
        carla = users.actor(session, "carla@house.example")
        session.add(Company(name="Rival GmbH"))
        reader = person(session, "reader@one.example")
        late = person(session, "late@two.example")
        add_many(
            session,
            [
                NewEntry(reader.address_id, Cause.OPTED_OUT, clock.now(), "page", purpose="newsletter"),
                NewEntry(late.address_id, Cause.HARD_BOUNCE, clock.now(), "smtp", channel="email"),
            ],
        )
        for what, kind in (
            ("@rival.example", BlockKind.COMPETITOR),
            ("*.other.example", BlockKind.COMPETITOR),
            ("company:Rival GmbH", BlockKind.OWN_DECISION),
            ("reader@one.example", BlockKind.MINOR),
        ):
            until = clock.now().replace(year=2999) if what.startswith("@") else None
            add_block(session, Block(target=target(what), kind=kind, reason="Anna called us", until=until), actor=carla)
    written = journal.path().read_text()
    assert len(list(journal.read())) == 6
    assert "one.example" not in written
    assert "Anna" not in written
    assert restore() == (0, {"lines": 6, "stored": 0, "lifted": 0, "known": 6, "unknown": 0})

    before = rows(ENTRIES)
    forget()
    with transaction() as session:
        # This one joined after the backup: the database knows neither contact nor address.
        session.execute(text("DELETE FROM contact WHERE id = :id"), {"id": late.contact_id})
        session.execute(text("DELETE FROM address WHERE id = :id"), {"id": late.address_id})
    assert restore() == (0, {"lines": 6, "stored": 6, "lifted": 0, "known": 0, "unknown": 0})
    after = rows(ENTRIES)
    assert [row[1:] for row in after] == [row[1:] for row in before]
    assert [row[0] for row in after if row[4] != "hard_bounce"] == [row[0] for row in before if row[4] != "hard_bounce"]
    assert restore()[1]["stored"] == 0
    with transaction() as session:
        assert {one.cause for one in entries(session, address_id=reader.address_id)} == {"opted_out", "minor"}
    noted = rows(
        "SELECT actor, details ->> 'created' FROM audit_event WHERE action = 'suppression.restore' ORDER BY id"
    )
    assert noted == [("carla@house.example", made) for made in ("0", "6", "0")]


def test_lines_of_an_older_version_are_read_and_what_cannot_be_named_is_counted(database, home):
    with transaction() as session:
        users.add(session, email="carla@house.example", role=Role.COMPLIANCE)
        users.add(session, email="marta@house.example", role=Role.MARKETER)
        reader = person(session, "reader@one.example")
    ((key,),) = rows(f"SELECT encode(key, 'hex') FROM address WHERE id = {reader.address_id}")
    old = {"entry": 1, "cause": "opted_out", "channel": None, "purpose": None, "controller_id": 77, "source": "page"}
    journal.path().parent.mkdir(parents=True)
    with journal.path().open("w") as file:
        for stranger in (key, "ab" * 32):
            file.write(json.dumps(old | {"key": stranger, "at": clock.now().isoformat()}) + "\n")
    assert restore("marta@house.example")[0] == 2
    assert restore() == (0, {"lines": 2, "stored": 1, "lifted": 0, "known": 0, "unknown": 1})
    assert rows("SELECT address_id, controller_id, cause FROM suppression_entry") == [
        (reader.address_id, None, "opted_out")
    ]


WHOM = ("reader@one.example", "late@two.example", "@rival.example")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("objects"), st.integers(0, 1), st.sampled_from(("page", "letter"))),
        st.tuples(st.just("bounces"), st.integers(0, 1)),
        st.tuples(st.just("blocked"), st.integers(0, 2)),
        st.tuples(st.just("lifted"), st.integers(0, 5)),
        st.tuples(st.just("case"), st.integers(0, 1)),
        st.tuples(st.just("closed")),
    ),
    min_size=1,
    max_size=12,
)
STANDING = "SELECT e.reference FROM suppression_entry AS e LEFT JOIN suppression_lift AS l ON l.entry_id = e.id"
STANDING += " WHERE l.entry_id IS NULL ORDER BY 1"
LIFTED = "SELECT e.reference, l.at, l.asked_by, l.agreed_by FROM suppression_lift AS l JOIN suppression_entry AS e"
LIFTED += " ON e.id = l.entry_id ORDER BY 1"
LIFTABLE = "SELECT e.id FROM suppression_entry AS e LEFT JOIN suppression_lift AS l ON l.entry_id = e.id"
LIFTABLE += " WHERE l.entry_id IS NULL AND e.cause <> 'case_open' AND NOT (e.cause = 'opted_out' AND e.source = 'page')"
LIFTABLE += " ORDER BY e.id"


class House:
    """A company, what happens in it, and how its database falls back to an earlier state."""

    def __init__(self):
        with transaction() as session:
            for name in ("carla", "dora"):
                users.add(session, email=f"{name}@house.example", role=Role.COMPLIANCE)
            self.carla, self.dora = (users.actor(session, f"{name}@house.example") for name in ("carla", "dora"))
            self.people = [person(session, email).address_id for email in WHOM[:2]]

    def does(self, what, whom=0, source=""):
        with transaction() as session:
            if what in {"objects", "bounces"}:
                cause = Cause.OPTED_OUT if what == "objects" else Cause.HARD_BOUNCE
                add_many(session, [NewEntry(self.people[whom], cause, clock.now(), source or "smtp")])
            elif what == "blocked":
                add_block(session, Block(target=target(WHOM[whom]), reason="because"), actor=self.carla)
            elif what == "case":
                open_case(session, case=f"C{whom}", system="desk", emails=[email_address(WHOM[whom])], by="desk")
            elif what == "closed":
                (open_now,) = session.execute(text(
                    "SELECT min(e.source) FROM suppression_entry AS e LEFT JOIN suppression_lift AS l"
                    " ON l.entry_id = e.id WHERE l.entry_id IS NULL AND e.cause = 'case_open'"
                )).one()  # fmt: skip
                if open_now:
                    close_case(session, case=open_now.removeprefix("case:"), system="desk", by="user:carla")
            elif ids := session.scalars(text(LIFTABLE)).all():
                request = ask_to_lift(session, entry_id=ids[whom % len(ids)], actor=self.carla, reason="a mistake")
                agree_to_lift(session, request_id=request, actor=self.dora)

    def falls_back(self, kept, lifted):
        with transaction() as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            session.execute(text("DELETE FROM lift_answer"))
            session.execute(text("DELETE FROM lift_request"))
            # By reference: what came back from the journal has other ids.
            named = "SELECT id FROM suppression_entry WHERE reference = ANY (:stay)"
            for table, column, stay in (("suppression_lift", "entry_id", lifted), ("suppression_entry", "id", kept)):
                gone = f"DELETE FROM {table} WHERE {column} NOT IN ({named})"
                session.execute(text(gone), {"stay": [row[0] for row in stay]})

    def is_restored(self):
        with transaction() as session:
            return read_back(session, actor=self.carla)


def test_replaying_the_journal_over_any_older_state_gives_the_blocks_that_stood(database, home):
    house = House()

    blocked_lifted_blocked = [("blocked", 0), ("lifted", 0), ("blocked", 0)]

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @example(steps=blocked_lifted_blocked, backup=0, again=2, frozen=True)
    @given(steps=STEPS, backup=st.integers(0, 12), again=st.integers(0, 12), frozen=st.booleans())
    def replayed(steps, backup, again, frozen):
        house.falls_back([], [])
        journal.path().unlink(missing_ok=True)
        states = []
        # Much may happen at the very same moment: then only the reference tells two blocks of a person apart.
        with time_machine.travel(clock.now(), tick=not frozen):
            for step in steps:
                states.append((rows("SELECT reference FROM suppression_entry"), rows(LIFTED)))
                house.does(*step)
        stood, gone = rows(STANDING), rows(LIFTED)
        for state in (backup, again):
            house.falls_back(*states[state % len(states)])
            house.is_restored()
            assert rows(STANDING) == stood
            assert rows(LIFTED) == gone
            done = house.is_restored()
            assert (done.stored, done.lifted, done.unknown) == (0, 0, 0)

    replayed()


def test_a_lift_in_the_journal_ends_no_word_of_the_person_and_nothing_alone(database, home):
    house = House()
    house.does("objects", 0, "page")
    house.does("blocked", 1)
    told = [line.reference for line in journal.read()]
    at = clock.now().isoformat()
    journal.append(
        [
            journal_lines.Lift(told[0], at, "carla@house.example", "dora@house.example"),
            journal_lines.Lift(told[1], at, "carla@house.example", "Carla@house.example"),
            journal_lines.Lift("00000000-0000-0000-0000-000000000000", at, "carla@house.example", "dora@house.example"),
        ]
    )
    done = house.is_restored()
    assert (done.lines, done.lifted, done.unknown) == (5, 0, 3)
    assert len(rows(STANDING)) == 2
