"""Kill -9 of everything that sends, while people object: nobody twice, nobody after an objection, nothing lost."""

# ruff: noqa: T201 - whoever runs this wants to see the seed and what was found, not only that it passed

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from app.demo.commands import run
from core import db, keys
from core.db import transaction
from core.errors import NotReachable
from core.settings import settings
from delivery.smtp import server_at
from tests.faults.chaos import Killer, Objectors
from tests.faults.company import AUTHOR, RELEASER, Company, write
from tests.faults.installation import Installation, prepare
from tests.faults.oracle import Accounts, Findings, compare, read_ledger
from tests.faults.sinks import Moods
from tests.smtp_sink import Sink

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

SEED = int(os.environ.get("FAULT_SEED", str(int(time.time()))))
PEOPLE = int(os.environ.get("FAULT_PEOPLE", "3000"))
KILLS = int(os.environ.get("FAULT_KILLS", "10"))
OBJECTIONS, AT_ONCE = 100, 4
SLOW = 0.08


@pytest.fixture
def moods() -> Moods:
    return Moods(random=Random(SEED))


@pytest.fixture
def sink(moods: Moods) -> Iterator[Sink]:
    with Sink(moods, keep_content=False) as sink:
        yield sink


@pytest.fixture
def installation(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="crusoe-fault-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        found = prepare(Path(folder) / "home", smtp_url=sink.url, CRUSOE_RETRY_AFTER="2")
        # This process runs commands, looks into the same database and makes tokens with the same keys.
        monkeypatch.delenv("DATABASE_URL", raising=False)
        for name, value in found.environment.items():
            if name.startswith("CRUSOE_"):
                monkeypatch.setenv(name, value)
        _forget()
        try:
            found.start()
            yield found
        finally:
            db.forget_engine()
            found.stop()
            if os.environ.get("FAULT_LOG"):
                Path(os.environ["FAULT_LOG"]).write_bytes((found.home / "log" / "crusoe.log").read_bytes())
    _forget()


def _forget() -> None:
    settings.cache_clear()
    keys.keys.cache_clear()
    db.forget_engine()


def launch(folder: Path) -> tuple[Company, int]:
    """Everything up to the first mail, by the commands that people use. Answers the run's id."""
    company = write(folder, people=PEOPLE)
    for email, role in ((AUTHOR, "marketer"), (RELEASER, "releaser")):
        run("user", "add", email, "--role", role, "--password", "a long password")
    run("apply", str(folder))
    for what in ("contacts", "consents", "optouts"):
        run("import", what, str(folder / f"{what}.csv"))
    run("campaign", "check", "letter")
    run("campaign", "submit", "letter", "--as", AUTHOR)
    run("campaign", "approve", "letter", "--as", RELEASER)
    run("campaign", "launch", "letter", "--as", AUTHOR)
    with transaction() as session:
        run_id = session.scalar(text("SELECT max(id) FROM run WHERE kind = 'campaign'"))
    assert run_id is not None
    return company, int(run_id)


def wait_until_over(run_id: int, *, seconds: float) -> float:
    """Wait until the run is done; answers how long that took."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        try:
            with transaction() as session:
                state = session.scalar(text("SELECT state FROM run WHERE id = :run"), {"run": run_id})
        except NotReachable:
            state = None
        if state == "done":
            break
        time.sleep(0.5)
    return time.monotonic() - begun


def test_kills_while_sending_and_objecting_break_no_promise(
    installation: Installation, sink: Sink, moods: Moods, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\nseed {SEED} (again: FAULT_SEED={SEED} make faults)")
    dice = Random(SEED)
    moods.pace = SLOW
    company, run_id = launch(tmp_path / "company")
    killers = [
        Killer(installation, "worker-1", KILLS, Random(dice.random())),
        Killer(installation, "worker-2", KILLS, Random(dice.random())),
        Killer(installation, "postgres", 1, Random(dice.random()), first_after=12),
        Killer(installation, "valkey", 1, Random(dice.random()), first_after=25),
    ]
    objectors = [Objectors(installation, run_id, OBJECTIONS // AT_ONCE, Random(dice.random())) for _ in range(AT_ONCE)]
    killing = [threading.Thread(target=each.run, name=each.name) for each in killers]
    crowd = [threading.Thread(target=each.run, name="objectors") for each in objectors]
    for thread in (*killing, *crowd):
        thread.start()
    for thread in killing:
        thread.join()
    for thread in crowd:
        thread.join(timeout=60)
    still_sending = len(sink.taken) < len(company.cleared) * 0.95
    moods.pace = 0
    waited = wait_until_over(run_id, seconds=200)
    for each, thread in zip(objectors, crowd, strict=True):
        each.stopping.set()
        thread.join()
    opt_outs = [opt_out for each in objectors for opt_out in each.answered]
    # One mail may be under way on each connection of a worker that is killed.
    kills = sum(each.done for each in killers if each.name.startswith("worker"))
    in_doubt = moods.ambiguous + kills * server_at(sink.url).connections
    findings = compare(Accounts(company, sink.deliveries, moods.ended, opt_outs, read_ledger(run_id), in_doubt))
    with capsys.disabled():
        report(killers, objectors, findings, waited=waited)
        print(f"unknown: {findings.states['unknown']}, of at most {in_doubt}; hung up on {moods.ambiguous}")
    assert findings.broken == []
    assert still_sending, "the run was over before the last kill: make it slower or longer"
    assert [each.done for each in killers] == [each.times for each in killers]
    assert len(opt_outs) >= OBJECTIONS // 2
    assert findings.states["sent"] > 0.8 * (len(company.cleared) - OBJECTIONS)
    numbers = run("campaign", "report", "letter")
    assert numbers["in_flight"] == 0
    assert numbers["unknown"] == findings.states["unknown"]
    assert numbers["audience"] == sum(findings.states.values())
    assert run("audit", "verify")["ok"]


def report(killers: list[Killer], objectors: list[Objectors], findings: Findings, *, waited: float) -> None:
    """Say what was done and found, whether or not it went well."""
    print("killed:", ", ".join(f"{each.name} {each.done} times" for each in killers))
    answered, refused = sum(len(each.answered) for each in objectors), sum(each.refused for each in objectors)
    print(f"objections answered: {answered}, tried again: {refused}")
    print(f"mails taken: {findings.taken}, of them unknown to us: {findings.unknown_taken}")
    print(f"end states: {dict(sorted(findings.states.items()))}, {waited:.0f} s after the last kill")
    if findings.closest is not None:
        print(f"closest mail before an answer: {findings.closest:.3f} s")
    for sentence in findings.broken[:20]:
        print("BROKEN:", sentence)
