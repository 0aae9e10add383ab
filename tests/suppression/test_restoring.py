"""After a backup was restored, opt-outs and blocks that came later are there again; the file tells no address."""

import json

from click.testing import CliRunner
from sqlalchemy import text

from app.cli import crusoe
from contacts.models import Company
from core import clock, users
from core.db import transaction
from core.permissions import Role
from suppression import Block, BlockKind, Cause, NewEntry, add_block, add_many, entries, journal, target
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
    assert restore() == (0, {"lines": 6, "stored": 0, "known": 6, "unknown": 0})

    before = rows(ENTRIES)
    forget()
    with transaction() as session:
        # This one joined after the backup: the database knows neither contact nor address.
        session.execute(text("DELETE FROM contact WHERE id = :id"), {"id": late.contact_id})
        session.execute(text("DELETE FROM address WHERE id = :id"), {"id": late.address_id})
    assert restore() == (0, {"lines": 6, "stored": 6, "known": 0, "unknown": 0})
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
    assert restore() == (0, {"lines": 2, "stored": 1, "known": 0, "unknown": 1})
    assert rows("SELECT address_id, controller_id, cause FROM suppression_entry") == [
        (reader.address_id, None, "opted_out")
    ]
