"""F20: mail is sent, a backup is made, people object and more is sent; then the backup comes back."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app.backup.locks import locks
from app.backup.making import make_keys
from app.cli import crusoe
from app.rights.erasure import erase_person
from app.rights.subject import by_address
from campaigns import resume
from campaigns.models import Campaign
from campaigns.tasks import materialise
from contacts import as_written, choose, email_address, ensure_addresses
from core import clock, db, keys, users
from core.db import transaction
from core.permissions import Role
from core.settings import settings
from delivery import enqueue, send_once_more, standing_run
from delivery.tidy import tidy
from suppression import Cause, add, note_decided, note_launch
from suppression.journal_watch import watch
from tests.campaigns.planning import CONFIGURATION, approved_by, check, launched_by, somebody, submitted_by, with_people
from tests.delivery.sending import WORDS, names, rows, worker
from tests.smtp_sink import Sink

SECOND = CONFIGURATION.replace("{code: autumn, name: Autumn, segment", "{code: winter, name: Winter, segment")


def run(*words, code=0):
    result = CliRunner().invoke(crusoe, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def send(size=None):
    """What workers do until nothing is due, or for one batch of so many."""
    sending = worker()
    if size:
        sending.size = size
        assert sending.step()
    else:
        while sending.step():
            pass
    sending.close()


def object_to(address, source="one_click"):
    with transaction() as session:
        ids = ensure_addresses(session, [email_address(address)])
        add(session, address_id=next(iter(ids.values())), cause=Cause.OPTED_OUT, at=clock.now(), source=source)


@pytest.fixture
def sink():
    with Sink() as sink:
        yield sink


@pytest.fixture
def lost(database, home, sink, tmp_path, monkeypatch):
    """An installation that was backed up in the middle of a campaign, went on, and was lost."""
    monkeypatch.setenv("CRUSOE_SMTP_URL", sink.url)
    made = run("backup", "key", str(tmp_path / "key"))
    monkeypatch.setenv("CRUSOE_BACKUP_RECIPIENTS", made["public_key"])
    settings.cache_clear()
    (tmp_path / "all.yaml").write_text(CONFIGURATION.replace("SUBJECT", "Leaves") + SECOND.split("campaigns:")[1])
    run("apply", str(tmp_path))
    with_people(*names(30))
    marta, rita = somebody(Role.MARKETER, "marta"), somebody(Role.RELEASER, "rita")
    for name in ("carla", "carlo"):
        somebody(Role.COMPLIANCE, name)
    check()
    submitted_by(marta)
    approved_by(rita)
    launched_by(rita)
    while materialise.verb():
        pass
    with transaction() as session:
        # The other one is ready to go.
        session.execute(text("UPDATE campaign SET state = 'scheduled', scheduled_at = now() WHERE code = 'winter'"))
        watch(session)
        answers = standing_run(session, name="answers", sender_id=1, compiled=WORDS)
    send(10)
    old = _answer(answers, 1)
    backup = run("backup", str(tmp_path / "the.backup"), "--keys", str(tmp_path / "the.keys"))
    assert [run["unsent"] for run in backup["runs"]] == [20]

    # What the database will not know.
    send(10)
    objector, erased = (row.value for row in rows(UNSENT))
    object_to(objector)
    object_to("joined-later@mail.example")
    with transaction() as session:
        erase_person(session, by_address(session, erased), actor="carla@shop.example")
        _decide(session, objector)
        note_launch(session, campaign="winter")
        note_launch(session, campaign="spring")
        newest = _newest(session)
    with transaction() as session:
        session.execute(text("UPDATE journal_position SET at = now()"))
    send()
    db.forget_engine()
    return SimpleNamespace(
        key=str(tmp_path / "key"),
        file=str(tmp_path / "the.backup"),
        keys=str(tmp_path / "the.keys"),
        answers=answers,
        old=old,
        newest=newest,
        people={objector, erased},
    )


# Neither is the one who gets the answers: an answer may go to whoever objected, and not to whoever was erased.
UNSENT = """
    SELECT e.value FROM message AS m JOIN endpoint AS e ON e.address_id = m.address_id
    WHERE m.run_id = 1 AND m.state = 'ready' AND m.address_id <> 1 ORDER BY m.id DESC LIMIT 2
"""


def _decide(session, address):
    """What saving the preference page does."""
    (address_id,) = ensure_addresses(session, [email_address(address)]).values()
    now = clock.now()
    chosen = choose(session, address_id, topics_off=("sports",), most_per_month=2, profiling=False)
    note_decided(session, address_id=address_id, decided=as_written(chosen), at=now)


def _answer(run_id, occurrence):
    with transaction() as session:
        return enqueue(session, run_id=run_id, address_id=1, occurrence=occurrence)


def _newest(session):
    return dict(session.execute(text("SELECT sequencename, last_value FROM pg_sequences")).all())


def states():
    return dict(rows("SELECT state::text, count(*) FROM message WHERE run_id = 1 GROUP BY 1"))


AS_CARLA = ("--as", "carla@shop.example")
AS_CARLO = ("--as", "carlo@shop.example", "--reason", "looked at it")


def _brought_back(lost, home):
    """Its keys lie apart, and without them it is of no use; nor with those of another installation."""
    right = (home / "keys.json").read_bytes()
    strange = _keys_of_another_installation(lost, home)
    (home / "keys.json").unlink()
    words = ("restore", lost.file, "--key", lost.key, "--replace", "--yes")
    assert run(*words, code=2)["error"]["code"] == "other_keys"
    assert run(*words, "--keys", strange, code=2)["error"]["code"] == "other_keys"
    assert not (home / "keys.json").exists()
    answer = run(*words, "--keys", lost.keys)
    assert (home / "keys.json").read_bytes() == right
    return answer


def _keys_of_another_installation(lost, home):
    (home / "keys.json").unlink()
    keys.draw(path=home / "keys.json")
    keys.keys.cache_clear()
    file = Path(lost.keys).with_name("strange.keys")
    make_keys(file, locks=lambda key: locks(key, recipients=[settings().backup_recipients], passphrase=None))
    return str(file)


def test_after_a_restore_nobody_who_objected_and_nobody_who_had_it_gets_a_mail(lost, home, sink, monkeypatch):
    before = len(sink.taken)
    # Of thirty, one objected and one was erased; and one answer went out.
    assert before == 29

    # Not over what is there, not with another key; then it comes back, quarantined.
    assert run("restore", lost.file, "--key", lost.key, code=2)["error"]["code"] == "not_empty"
    assert _brought_back(lost, home)["quarantined"]
    assert (home / "journal" / "opt-outs.jsonl").exists()
    assert states() == {"sent": 10, "unknown": 20}
    assert rows("SELECT state FROM run ORDER BY id") == [("paused",), ("open",)]
    assert rows("SELECT code, state FROM campaign ORDER BY code") == [("autumn", "paused"), ("winter", "draft")]
    assert rows(f"SELECT state::text FROM message WHERE id = {lost.old}") == [("cancelled",)]
    with transaction() as session:
        now = _newest(session)
    assert _are_beyond(now, lost.newest)

    # Nothing at all leaves before the journal is read back, whatever people do.
    _force_everything_open()
    _answer(lost.answers, 2)
    send()
    assert len(sink.taken) == before
    assert run("restore", "release", *AS_CARLO, code=2)["error"]["code"] == "not_replayed"
    _set_aside_again()

    # Then answers leave, and campaigns do not.
    done = run("restore", "replay", *AS_CARLA)
    assert (done["stored"], done["erased"], done["chosen"]) == (3, 1, 1)
    assert done["ended"] + done["unknown_campaigns"] == ["winter", "spring"]
    assert rows("SELECT topics_off, most_per_month, profiling, tracking FROM recipient_choice") == [
        (["sports"], 2, False, "none")
    ]
    again = run("restore", "replay", *AS_CARLA)
    assert (again["stored"], again["erased"], again["chosen"]) == (0, 0, 0)
    assert rows("SELECT count(*) FROM contact") == [(29,)]
    send()
    assert len(sink.taken) == before + 1
    assert rows(f"SELECT state::text FROM message WHERE run_id = {lost.answers} AND occurrence = 2") == [("sent",)]
    with pytest.raises(Exception, match="quarantine"), transaction() as session:
        resume(session, campaign=_campaign(session), actor=_actor(session, "rita"))

    assert run("restore", "release", "--as", "rita@shop.example", "--reason", "x", code=2)["error"]["code"] == (
        "not_permitted"
    )
    assert run("restore", "release", *AS_CARLO)["state"] == "released"
    assert run("restore", "status") == {"quarantined": False, "journal": {"missing": 0, "missing_since": None}}

    # What was in doubt stays where it is; the log of the relay ends the doubt, and the rest goes once.
    with transaction() as session:
        resume(session, campaign=_campaign(session), actor=_actor(session, "rita"))
    send()
    assert len(sink.taken) == before + 1
    after = [one for one in sink.taken[10:before] if number(one) in _in_doubt()]
    log = home.parent / "mail.log"
    log.write_text(
        "".join(f"cleanup: message-id=<{one.message_id.strip('<>')}>\n" for one in after[:12])
        + "id=<1.aaaaaaaaaaaaaaaa@x>"
    )
    assert run("restore", "sent", str(log), *AS_CARLA)["resolved"] == 12
    assert states() == {"sent": 10, "resolved_sent": 12, "unknown": 8}

    # Whoever is left is asked about once more by the gate, when a person decides so; and only they.
    with transaction() as session:
        send_once_more(session, run_id=1, actor="rita@shop.example")
        tidy(session)
    send()
    assert {one.recipient for one in sink.taken[before + 1 :]} == {one.recipient for one in after[12:]}
    assert len(sink.taken) == before + 1 + 6
    assert not {one.recipient for one in sink.taken} & lost.people


def _are_beyond(now, before):
    """No number of then is given again; those that tokens keep in 32 bits still fit."""
    fits = max(now["run_id_seq"], now["link_id_seq"]) < 2**32
    return fits and all(now[name] > last for name, last in before.items() if last is not None)


def number(delivery):
    return delivery.message_id.strip("<>").partition(".")[0]


def _in_doubt():
    return {str(row.id) for row in rows("SELECT id FROM message WHERE run_id = 1 AND state = 'unknown'")}


def _campaign(session):
    return session.query(Campaign).filter_by(code="autumn").one()


def _actor(session, name):
    return users.actor(session, f"{name}@shop.example")


def _force_everything_open():
    """As if somebody had found a way round everything but the gate."""
    with transaction() as session:
        session.execute(text("UPDATE run SET state = 'open'"))
        session.execute(text("UPDATE message SET state = 'ready', not_before = now() WHERE state = 'unknown'"))


def _set_aside_again():
    with transaction() as session:
        session.execute(
            text("UPDATE message SET state = 'unknown', done_at = now() WHERE state = 'ready' AND run_id = 1")
        )
        session.execute(text("UPDATE run SET state = 'paused' WHERE id = 1"))
