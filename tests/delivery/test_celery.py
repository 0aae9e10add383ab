"""The real worker: woken by the doorbell, polling without one, and orderly when it is asked to stop."""

import os
import signal
import subprocess
import sys
import time

import pytest

from core.db import transaction
from core.tasks import ring
from delivery.runs import SEND
from tests.app.installation import wait_until
from tests.delivery.sending import campaign, numbers, rows
from tests.smtp_sink import on, say


@pytest.fixture
def start(tmp_path):
    running = []

    def command() -> subprocess.Popen:
        options = ["-Q", "send,work", "--concurrency", "1", "--pool", "prefork", "--loglevel", "WARNING"]
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-q", "-A", "app.worker", "worker", *options],
            env=dict(os.environ),
            start_new_session=True,
        )
        running.append(process)
        return process

    yield command
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(run_id: int, *, sent: int, seconds: float = 40) -> None:
    until = time.monotonic() + seconds
    while numbers(run_id).get("sent", 0) < sent:
        assert time.monotonic() < until, numbers(run_id)
        time.sleep(0.1)


def test_a_doorbell_wakes_the_worker(listen, broker, start):
    sink = listen()
    start()
    run_id = campaign(40)
    with transaction() as session:
        ring(session, SEND)
    wait_for(run_id, sent=40)
    assert len(sink.taken) == 40


def test_without_a_broker_the_ledger_is_polled(listen, start, monkeypatch, tmp_path):
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/nobody.sock")
    sink = listen()
    start()
    run_id = campaign(40)
    wait_for(run_id, sent=40)
    assert len(sink.taken) == 40
    # Written when the job has ended.
    wait_until(lambda: rows("SELECT rung, polled FROM found_work WHERE job = 'delivery.send'") == [(0, 40)])


def test_a_worker_that_is_asked_to_stop_leaves_nothing_half_done(listen, broker, start):
    listen(on("DOT", say(250, after=0.02)))
    run_id = campaign(2000)
    process = start()
    with transaction() as session:
        ring(session, SEND)
    wait_for(run_id, sent=30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    found = numbers(run_id)
    assert found["sent"] + found["in_flight"] == 2000
    assert rows("SELECT count(*) FROM message WHERE state IN ('claimed', 'handing_over')") == [(0,)]
