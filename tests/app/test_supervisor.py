"""`crusoe up` keeps an installation running, and leaves nothing behind however it ends."""

import http.client
import os
import signal
import smtplib
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.embedded.postgres import PostgresServer
from tests.app.installation import Installation, free_port, wait_until

# Each starts a dozen processes; on a busy machine that takes its time.
pytestmark = pytest.mark.timeout(600)


def installation(folder: Path) -> Installation:
    return Installation(home=folder / "home", port=free_port(), inbox_port=free_port())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation that several tests look at; each leaves it running."""
    found = installation(tmp_path_factory.mktemp("running"))
    found.up()
    yield found
    found.end()


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Installation]:
    found = installation(tmp_path)
    yield found
    found.end()


def ask(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/healthz")
    return connection.getresponse().status


def test_everything_runs_and_answers(running):
    status = running.status()
    names = [process["name"] for process in status["processes"]]
    assert names == ["postgres", "valkey", "inbox", "web", "worker-1", "scheduler"]
    assert {process["state"] for process in status["processes"]} == {"running"}
    assert status["stage"] == "up"
    assert status["address"] == f"http://127.0.0.1:{running.port}"
    assert ask(running.port) < 500


def test_the_inbox_keeps_what_it_takes(running):
    with smtplib.SMTP("127.0.0.1", running.inbox_port) as connection:
        connection.sendmail("news@bank.example", ["ann@mail.example"], b"Subject: Hello\r\n\r\nDear Ann")
    (kept,) = (running.home / "inbox").glob("*.eml")
    assert b"Delivered-To: ann@mail.example\r\nSubject: Hello" in kept.read_bytes()


def test_a_second_start_in_the_same_home_is_refused(running):
    done = running.crusoe("up", "--detach")
    assert done.returncode == 3
    assert f"Crusoe runs already in {running.home}" in done.stderr
    assert ask(running.port) < 500


def test_a_home_and_its_log_are_private(running):
    assert (running.home / "keys.json").stat().st_mode & 0o077 == 0
    assert (running.home / "log").stat().st_mode & 0o077 == 0
    assert (running.home / "inbox").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["worker-1", "postgres", "valkey", "web"])
def test_a_killed_process_is_started_again(running, name):
    before = running.process(name)
    os.kill(before["pid"], signal.SIGKILL)
    wait_until(lambda: running.process(name)["restarts"] == before["restarts"] + 1)
    wait_until(lambda: running.process(name)["state"] == "running")
    after = running.process(name)
    assert after["pid"] != before["pid"]
    assert "killed by SIGKILL" in running.log()


def test_two_homes_run_side_by_side(running, stopped):
    stopped.up()
    assert ask(stopped.port) < 500
    done = stopped.crusoe("stop", "--json")
    assert done.returncode == 0
    assert '"stopped": true' in done.stdout
    assert stopped.left_over() == []
    assert ask(running.port) < 500
    assert running.status()["stage"] == "up"


def test_nothing_is_left_and_data_are_kept_when_the_supervisor_is_killed(running):
    """Last of those that share the installation: it ends it."""
    with psycopg.connect(host=str(running.home / "run"), user="crusoe", autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('still here')")
    os.kill(running.state()["pid"], signal.SIGKILL)
    wait_until(lambda: running.left_over() == [])
    done = running.crusoe("status", "--json")
    assert done.returncode == 3
    assert '"not_running"' in done.stdout
    server = PostgresServer(data=running.home / "postgres", sockets=running.home / "run")
    process = server.start(log=running.home / "log" / "postgres.log")
    try:
        with psycopg.connect(host=str(server.sockets), user="crusoe") as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("still here",)
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_a_taken_port_is_said_in_one_sentence_with_a_way_out(stopped):
    with socket.socket() as other:
        other.bind(("127.0.0.1", stopped.port))
        other.listen()
        done = stopped.crusoe("up", "--detach")
    assert done.returncode == 3
    assert f"Port {stopped.port} on 127.0.0.1 is taken" in done.stderr
    assert "CRUSOE_PORT=" in done.stderr
    assert "Traceback" not in done.stderr
    assert stopped.left_over() == []


def test_production_refuses_to_start_without_keys(stopped):
    done = stopped.crusoe("up", CRUSOE_MODE="production", CRUSOE_BASE_URL="https://news.bank.example")
    assert done.returncode == 2
    assert "There is no key file" in done.stderr
    assert not (stopped.home / "keys.json").exists()


def test_production_refuses_to_send_links_to_this_machine(stopped):
    done = stopped.crusoe("up", CRUSOE_MODE="production")
    assert done.returncode == 2
    assert "CRUSOE_BASE_URL" in done.stderr


def test_a_database_that_does_not_answer_is_said(stopped):
    done = stopped.crusoe("up", "--detach", DATABASE_URL=f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    assert done.returncode == 3
    assert "The database could not be prepared" in done.stderr
    assert stopped.left_over() == []


def test_stopping_what_does_not_run_is_no_mistake(stopped):
    done = stopped.crusoe("stop", "--json")
    assert done.returncode == 0
    assert '"stopped": false' in done.stdout
