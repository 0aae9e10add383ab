"""`python -m bench.moments`: how long until the first mail of a campaign is there, and how long a pause takes to hold.

A whole campaign: checked, approved by somebody else, launched while two workers wait, paused and resumed again and
again while its audience is still being written down. The mail server notes when it saw each DATA. Both answers are
promised within two seconds, whatever the size of the audience.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import click
from rich.console import Console
from sqlalchemy import select, text

from app.apply import apply_folder
from bench.mailing import FILL
from bench.surroundings import fresh_database, installation
from bench.workers import WORKERS
from campaigns import approve, check_campaign, launch, lock, pause, report, resume, submit
from contacts.models import Controller
from core import users
from core.db import engine, transaction
from core.permissions import Role
from core.users import Actor
from delivery.models import Run

PROMISED = 2.0
ROUNDS = 5
WORKING = 2.0
# Longer than any mail that is on its way when a pause comes.
SILENCE = 4.0

CONFIGURATION = """
controllers:
  - {code: bench, name: Bench, imprint: "Bench, Wien", country: AT}
senders:
  - {code: news, controller: bench, from_name: Bench, from_address: news@bench.example}
segments:
  - {code: everyone, name: Everyone, definition: {all: []}}
templates:
  - {code: letter, name: Letter, subject: "News", markup: html, body: "<p>Hello {{ contact.first_name }}</p>"}
campaigns:
  - {code: letter, name: Letter, segment: everyone, template: letter, sender: news, author: author@bench.example}
"""

console = Console(highlight=False)


class Clock:
    """A mail server that takes everything and remembers when each DATA came. `think`: seconds before each answer."""

    def __init__(self, *, think: float) -> None:
        self.think = think
        self.times: list[float] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self.listener.accept()[0],), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError), sock, sock.makefile("rb") as lines:
            sock.sendall(b"220 clock.example\r\n")
            body = False
            for line in lines:
                if body:
                    body = line != b".\r\n"
                    if not body:
                        sleep(self.think)
                        sock.sendall(b"250 taken\r\n")
                    continue
                verb = line[:4].upper()
                body = verb == b"DATA"
                if body:
                    self.times.append(monotonic())
                sock.sendall(b"354 go on\r\n" if body else b"250 PIPELINING\r\n")

    def after(self, moment: float) -> list[float]:
        """Seconds from that moment to each DATA that came later."""
        return [at - moment for at in list(self.times) if at > moment]


@click.command()
@click.option("--size", default=100_000, show_default=True, help="Recipients of the campaign.")
@click.option("--rounds", default=ROUNDS, show_default=True, help="How often to pause and resume.")
@click.option("--think", default=0.0, show_default=True, help="Seconds that the mail server thinks about each mail.")
def main(size: int, rounds: int, think: float) -> None:
    """Measure both moments. Exit code 1 when one of them takes longer than promised."""
    with installation() as postgres:
        fresh_database(postgres)
        actor = prepare(size)
        clock = Clock(think=think)
        with _workers(clock.port):
            first = first_mail(clock, actor)
            console.print(f"first mail after launch     {first:6.2f} s   ({size:,} recipients, {WORKERS} workers)")
            moments = [paused(clock, actor) for _ in range(rounds)]
    last = max(stopped for stopped, _ in moments)
    again = max(resumed for _, resumed in moments)
    console.print(f"last DATA after a pause     {last:6.2f} s   (the longest of {rounds})")
    console.print(f"first mail after a resume   {again:6.2f} s   (the longest of {rounds})")
    sys.exit(1 if max(first, last, again) > PROMISED else 0)


def prepare(size: int) -> Actor:
    """A campaign of that size that somebody approved. Answers who may launch it."""
    with tempfile.TemporaryDirectory() as folder, transaction() as session:
        (Path(folder) / "all.yaml").write_text(CONFIGURATION)
        apply_folder(session, folder=Path(folder), actor="bench")
        controller = session.scalars(select(Controller.id).where(Controller.code == "bench")).one()
        for statement in FILL.split(";"):
            session.execute(text(statement), {"size": size, "controller": controller})
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    with transaction() as session:
        users.add(session, email="author@bench.example", role=Role.MARKETER)
        users.add(session, email="releaser@bench.example", role=Role.RELEASER)
        author, releaser = (users.actor(session, f"{name}@bench.example") for name in ("author", "releaser"))
        campaign = lock(session, "letter")
        check_campaign(session, campaign=campaign, actor="bench")
        submit(session, campaign=campaign, actor=author)
        approve(session, campaign=campaign, actor=releaser)
    return author


def first_mail(clock: Clock, actor: Actor) -> float:
    """Seconds from the order to launch until the server sees the first DATA."""
    ordered = monotonic()
    with transaction() as session:
        launch(session, campaign=lock(session, "letter"), actor=actor)
    return _first(clock, ordered)


def paused(clock: Clock, actor: Actor) -> tuple[float, float]:
    """Seconds from the answer to a pause until the last DATA, and from the order to resume until the next one."""
    sleep(WORKING)
    with transaction() as session:
        pause(session, campaign=lock(session, "letter"), actor=actor)
    answered = monotonic()
    sleep(SILENCE)
    last = max(clock.after(answered), default=0.0)
    with transaction() as session:
        campaign = lock(session, "letter")
        numbers = report(session, campaign=campaign)
        written = session.get_one(Run, campaign.run_id).planned_at is not None
    console.print(
        f"  paused: {numbers['sent']:,} sent of {numbers['audience']:,}{'' if written else ' so far'},"
        f" last DATA {last:.2f} s later"
    )
    ordered = monotonic()
    with transaction() as session:
        resume(session, campaign=lock(session, "letter"), actor=actor)
    return last, _first(clock, ordered)


def _first(clock: Clock, moment: float) -> float:
    while not clock.after(moment):
        if monotonic() - moment > 120:
            raise TimeoutError("no mail came in two minutes")
        sleep(0.01)
    return min(clock.after(moment))


@contextmanager
def _workers(port: int) -> Iterator[None]:
    """Two workers as the supervisor starts them, ready and waiting."""
    environment = os.environ | {"CRUSOE_SMTP_URL": f"smtp://127.0.0.1:{port}"}
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / f"worker-{number}.log" for number in range(WORKERS)]
        processes = [_worker(log, environment) for log in logs]
        try:
            while not all(b"ready." in log.read_bytes() for log in logs):
                sleep(0.1)
            yield
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(timeout=60)


def _worker(log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "celery", "-q", "-A", "app.worker", "worker", "-Q", "send,work"]
    command += ["--concurrency", "1", "--pool", "prefork", "--loglevel", "INFO", "-n", log.stem]
    with log.open("wb") as output:
        return subprocess.Popen(command, env=environment, stdout=output, stderr=output)


if __name__ == "__main__":
    main()
