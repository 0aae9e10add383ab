"""The gate: nothing passes without a decision made there and then, and an answered opt-out is the last word."""

import email
import json
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.cli import crusoe
from app.imports.tasks import import_next
from app.web import create_app
from contacts import choose, erase
from contacts.consent_models import Consent
from contacts.models import Company
from core import clock, users
from core.db import transaction
from core.errors import NotAllowed, NotReachable
from core.evidence import verify
from core.permissions import Role
from delivery import (
    finish_if_done,
    pause_run,
    plan,
    release_holds,
    report,
    resume_run,
    stop_run,
    tidy,
    wait_until_all_quiet,
    wait_until_quiet,
)
from delivery import gate as gate_module
from delivery.claim import claim
from delivery.gate import gate
from suppression import Block, Cause, add, add_blocks, target
from tests.browsing import form_token, signed_in
from tests.delivery.sending import campaign, everyone, names, numbers, rows, worker, write_down
from tests.smtp_sink import on, say


def objection(session, address_id: int) -> None:
    add(session, address_id=address_id, cause=Cause.OPTED_OUT, at=clock.now(), source="test")


def addresses() -> dict[str, int]:
    return {row.value: row.address_id for row in rows("SELECT value, address_id FROM endpoint")}


def claimed(most: int = 500):
    with transaction() as session:
        return claim(session, most=most)


def test_an_objection_between_plan_and_gate_counts(sink):
    run_id = campaign(3)
    with transaction() as session:
        objection(session, addresses()["p1@mail.example"])
    worker().run()
    assert numbers(run_id) == {"audience": 3, "sent": 2, "blocked": 1}
    assert {each.recipient for each in sink.taken} == {"p0@mail.example", "p2@mail.example"}
    (refused,) = rows(
        "SELECT d.reasons[1] AS code, c.stage FROM message m JOIN decision d ON d.id = m.decision_id"
        " JOIN decision_context c USING (batch_id) WHERE m.state = 'blocked'"
    )
    assert tuple(refused) == ("opted_out", "gate")


def test_every_step_has_a_sealed_decision(sink):
    campaign(3)
    worker().run()
    stages = rows(
        "SELECT c.stage, count(*) FROM decision JOIN decision_context c USING (batch_id) GROUP BY 1 ORDER BY 1"
    )
    assert stages == [("gate", 3), ("plan", 3)]
    with transaction() as session:
        assert verify(session) == []


def test_a_withdrawn_consent_an_erased_person_and_a_pause_count_at_the_gate(sink):
    run_id = campaign(4)
    known = addresses()
    with transaction() as session:
        session.execute(
            update(Consent).where(Consent.address_id == known["p0@mail.example"]).values(withdrawn_at=clock.now())
        )
        erase(session, rows("SELECT contact_id FROM endpoint WHERE value LIKE 'p1@%'")[0].contact_id, actor="test")
        choose(session, known["p2@mail.example"], paused_until=clock.now() + timedelta(days=3))
    worker().run()
    assert numbers(run_id) == {"audience": 4, "sent": 1, "blocked": 2, "held": 1}
    with transaction() as session:
        assert finish_if_done(session, run_id=run_id)


def test_a_released_hold_passes_and_says_so(sink):
    run_id = campaign(2)
    rows("UPDATE contact SET country = 'AT' WHERE number = 'p0' RETURNING 1")  # the list that must be asked is missing
    worker().run()
    assert numbers(run_id) == {"audience": 2, "sent": 1, "held": 1}
    with transaction() as session:
        assert finish_if_done(session, run_id=run_id)
        assert release_holds(session, run_id=run_id, code="robinson_listed") == 0
        assert release_holds(session, run_id=run_id, code="list_outdated") == 1
    worker().run()
    assert numbers(run_id) == {"audience": 2, "sent": 2}
    (decision,) = rows("SELECT reasons FROM decision WHERE 'list_outdated:released' = ANY (reasons)")
    assert decision.reasons == ["consent", "list_outdated:released"]


def test_a_release_does_not_open_other_doors(sink):
    run_id = campaign(1)
    rows("UPDATE contact SET country = 'AT' RETURNING 1")
    worker().run()
    with transaction() as session:
        release_holds(session, run_id=run_id, code="list_outdated")
        objection(session, addresses()["p0@mail.example"])
    worker().run()
    assert numbers(run_id) == {"audience": 1, "blocked": 1}
    assert sink.taken == []


def test_the_database_refuses_a_handover_without_a_decision(database):
    campaign(1)
    plans_own = "SELECT id FROM decision LIMIT 1"
    for decision in ("NULL", plans_own):
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(text("UPDATE message SET state = 'claimed', token = 1"))
            session.execute(text(f"UPDATE message SET state = 'handing_over', decision_id = ({decision})"))
    for state in ("sent", "unknown"):
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(text(f"UPDATE message SET state = '{state}'"))


def test_the_database_refuses_the_decision_of_another_message_and_of_another_moment(sink):
    campaign(2)
    worker().run()
    rows("UPDATE message SET state = 'ready', not_before = now() WHERE id = (SELECT min(id) FROM message) RETURNING 1")
    for which in ("min", "max"):
        with pytest.raises(IntegrityError, match="no decision, no send"), transaction() as session:
            session.execute(
                text(
                    "UPDATE message SET state = 'handing_over', token = 1, decision_id ="
                    f" (SELECT decision_id FROM message WHERE id = (SELECT {which}(id) FROM message))"
                    " WHERE state = 'ready'"
                )
            )


def test_a_message_cannot_be_born_sent(sink):
    run_id = campaign(1)
    with pytest.raises(IntegrityError, match="starts as"), transaction() as session:
        session.execute(
            text("INSERT INTO message (run_id, address_id, state, decision_id) VALUES (:run, 9, 'sent', 1)"),
            {"run": run_id},
        )


def test_a_lost_lease_passes_nothing(sink):
    campaign(2)
    taken = claimed()
    rows(
        "UPDATE message SET lease_until = now() - interval '1 second' WHERE id = :id RETURNING 1",
        id=taken.message_ids[0],
    )
    with transaction() as session:
        assert list(gate(session, taken).bases) == [taken.message_ids[1]]


def test_another_token_passes_nothing(sink):
    campaign(1)
    taken = claimed()
    rows("UPDATE message SET token = token + 1 RETURNING 1")
    with transaction() as session:
        assert gate(session, taken).bases == {}


def test_pause_resume_and_stop(sink):
    run_id = campaign(5)
    taken = claimed(most=2)
    with transaction() as session:
        pause_run(session, run_id=run_id, reason="wait")
    with transaction() as session:
        assert gate(session, taken).bases == {}
    worker().run()
    assert sink.taken == []
    assert numbers(run_id) == {"audience": 5, "in_flight": 5}
    with transaction() as session:
        resume_run(session, run_id=run_id)
    assert worker().step()
    with transaction() as session:
        stop_run(session, run_id=run_id, reason="enough")
        with pytest.raises(NotAllowed):
            resume_run(session, run_id=run_id)
    with transaction() as session:
        tidy(session)
    assert numbers(run_id) == {"audience": 5, "sent": 5}


def test_what_a_stop_leaves_is_cancelled(sink):
    run_id = campaign(5)
    taken = claimed(most=2)
    with transaction() as session:
        stop_run(session, run_id=run_id, reason="enough")
    with transaction() as session:
        assert gate(session, taken).bases == {}
    with transaction() as session:
        tidy(session)
    assert numbers(run_id) == {"audience": 5, "cancelled": 5}
    with transaction() as session:
        tidy(session)
    assert rows("SELECT state, finished_at IS NOT NULL FROM run") == [("stopped", True)]


def test_a_stopped_run_gets_no_more_audience(sink):
    run_id = campaign(1)
    rows("UPDATE run SET planned_at = NULL, planned_up_to = 0, state = 'stopped' RETURNING 1")
    with transaction() as session:
        assert plan(session, run_id=run_id, audience=everyone()).done
        assert report(session, run_id=run_id)["audience"] == 1


def test_a_basis_that_changed_stands_in_the_mail(sink, monkeypatch):
    campaign(1)
    rows(
        "UPDATE run SET content_sha256 = '',"
        """ content = jsonb_set(content, '{text}', '"why: {{ basis }}"') RETURNING 1"""
    )
    rows("DELETE FROM consent RETURNING 1")
    rows(
        "INSERT INTO purchase (number, controller_id, contact_id, ordered_at, amount, objection_notice_shown)"
        " SELECT 'o1', (SELECT max(controller_id) FROM sender), contact_id, now() - interval '3 days', 5, true"
        " FROM endpoint RETURNING 1"
    )
    worker().run()
    (mail,) = sink.taken
    words = email.message_from_bytes(mail.content).get_payload(0).get_payload(decode=True)
    assert b"why: existing_customer" in words


def test_an_opt_out_waits_for_the_mail_that_is_on_its_way(listen):
    """What is promised: after the answer no mail begins. What is on its way ends first."""
    sink = listen(on("DOT", say(250, after=0.4)))
    campaign(1)
    address_id = addresses()["p0@mail.example"]
    sender = threading.Thread(target=worker().run)
    sender.start()
    while not sink.deliveries:
        time.sleep(0.01)
    with transaction() as session:
        objection(session, address_id)
    assert wait_until_quiet(address_id)
    assert rows("SELECT state::text FROM message") == [("sent",)]
    sender.join()
    assert len(sink.taken) == 1


def test_an_opt_out_says_when_it_could_not_wait(sink):
    campaign(1)
    taken = claimed()
    with transaction() as session:
        gate(session, taken)
    assert not wait_until_quiet(addresses()["p0@mail.example"], seconds=0.1)


def _by_command(*words: str):
    def go() -> int:
        answer = CliRunner().invoke(crusoe, [*words, "--json"], catch_exceptions=False)
        return json.loads(answer.stdout)["on_its_way"]

    return go


def _by_page(_file: Path):
    client = signed_in(create_app(), Role.COMPLIANCE)
    form = {"what": "p0@mail.example", "reason": "r", "csrf_token": form_token(client, "/profile")}
    return lambda: client.post("/suppression/block", data=form).status_code - 302


def _by_upload(file: Path):
    client = signed_in(create_app(), Role.MARKETER)
    with file.open("rb") as opened:
        form = {"kind": "optouts", "file": (opened, "optouts.csv"), "csrf_token": form_token(client, "/import")}
        client.post("/import", data=form, content_type="multipart/form-data")

    def go() -> int:
        import_next.run()
        (job,) = rows("SELECT state, created, on_its_way FROM import_job")
        assert (job.state, job.created) == ("done", 3)
        return job.on_its_way

    return go


DOORS = {
    "file": lambda file: _by_command("import", "optouts", str(file)),
    "domain": lambda _: _by_command("block", "add", "@mail.example", "--reason", "r", "--as", "anna@house.example"),
    "page": _by_page,
    "upload": _by_upload,
}


@pytest.mark.parametrize("door", DOORS)
def test_a_file_and_a_block_wait_for_the_mail_that_is_on_its_way(listen, tmp_path, door):
    """After their answer, too, no mail begins to anybody of them."""
    sink = listen(on("DOT", say(250, after=0.5)))
    campaign(3)
    with transaction() as session:
        users.add(session, email="anna@house.example", role=Role.COMPLIANCE)
    file = tmp_path / "optouts.csv"
    file.write_text("email,at\n" + "".join(f"p{number}@mail.example,2026-11-14T14:37:02Z\n" for number in range(3)))
    go = DOORS[door](file)
    sender = threading.Thread(target=worker().run)
    sender.start()
    while not sink.deliveries:
        time.sleep(0.01)
    assert go() == 0
    answered = time.time()
    left = rows("SELECT e.value FROM message m JOIN endpoint e USING (address_id) WHERE m.state = 'handing_over'")
    sender.join()
    concerned = {"p0@mail.example"} if door == "page" else {f"p{number}@mail.example" for number in range(3)}
    assert not concerned & {row.value for row in left}
    assert not [each for each in sink.deliveries if each.recipient in concerned and each.at > answered]


def test_who_waits_for_many_is_told_how_much_is_still_on_its_way(sink):
    """Entries about an address, about a domain above it and about a company; one that was lifted is not waited for."""
    campaign(3)
    taken = claimed()
    with transaction() as session:
        gate(session, taken)
        session.add(Company(name="Rival GmbH", domain=None))
    assert wait_until_all_quiet(seconds=0) == 0
    with transaction() as session:
        objection(session, addresses()["p0@mail.example"])
    assert wait_until_all_quiet(seconds=0.1) == 1
    with transaction() as session:
        session.execute(text("UPDATE contact SET company_id = 1 WHERE number = 'p1'"))
        add_blocks(session, [Block(target=target("company:Rival GmbH"), reason="r")], source="test", evidence={})
    assert wait_until_all_quiet(seconds=0) == 2
    with transaction() as session:
        session.execute(text("INSERT INTO suppression_lift (entry_id, asked_by, agreed_by, reason)"
                             " SELECT max(id), 'a', 'b', 'r' FROM suppression_entry"))  # fmt: skip
    assert wait_until_all_quiet(seconds=0) == 1
    with transaction() as session:
        session.execute(text("UPDATE endpoint SET value = 'p2@mail.rival.example' WHERE value = 'p2@mail.example'"))
        add_blocks(session, [Block(target=target("*.rival.example"), reason="r")], source="test", evidence={})
    assert wait_until_all_quiet(seconds=0) == 2


def test_no_mail_begins_after_an_opt_out_was_answered(sink):
    """Two workers send while everybody objects, one after the other."""
    write_down(campaign(300))
    threads = [threading.Thread(target=worker().run) for _ in range(2)]
    for thread in threads:
        thread.start()
    answered = {}
    for name, address_id in list(addresses().items())[::-3]:
        with transaction() as session:
            objection(session, address_id)
        assert wait_until_quiet(address_id)
        answered[name] = time.time()
    for thread in threads:
        thread.join()
    began = {each.recipient: each.at for each in sink.deliveries}
    assert len(began) == len(sink.deliveries)
    late = [name for name, moment in answered.items() if began.get(name, 0) > moment]
    assert late == []
    assert set(began) <= {f"{name}@mail.example" for name in names(300)}


def test_a_worker_that_stands_still_in_the_gate_gives_the_addresses_back_and_passes_nothing(database, monkeypatch):
    monkeypatch.setattr(gate_module, "_LONGEST_STANDSTILL", gate_module._LONGEST_STANDSTILL.replace("2s", "100ms"))
    campaign(1)
    batch = claimed()
    with pytest.raises((DBAPIError, NotReachable)), transaction() as session:
        gate(session, batch)
        with transaction() as other:
            objection(other, addresses()["p0@mail.example"])
        session.execute(text("SELECT 1"))
    assert rows("SELECT state::text FROM message") == [("claimed",)]
