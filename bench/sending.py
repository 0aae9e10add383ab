"""S1, S2, S8: a campaign from "send" to the last settled message, against Postfix's own load generator.

Both sides hand mails of the same size to `smtp-sink`. Ours does all that it does in production: claim, merge, sign,
decide again at the gate, settle, count; two workers woken through the queue. After each round the ledger must say
`sent` exactly as often as the sink counted.
"""

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import insert, select, text

from bench.result import Measured
from contacts.models import Controller, Endpoint, TrackingLevel
from core.db import engine, transaction
from core.settings import settings
from delivery import open_run, pause_run, plan, report, resume_run
from delivery.models import Sender
from templates import Compiled

SIZE = 5_000
# The yardstick is so much faster that it needs more mails to be measured at all.
YARDSTICK_SIZE = 20_000
SESSIONS = 8
WORKERS = 2
SELECTOR = "bench"
# What the test message has on the wire, signature included.
BYTES = 26_000
WORDS = ("Herbst", "Sparen", "Zinsen", "Konto", "Beratung", "Termin", "Filiale", "größer", "schöner", "für", "über")

_DIRECT = """
import sys
from delivery.worker import Worker
worker = Worker()
print("ready", flush=True)
sys.stdin.readline()
while worker.run(seconds=600):
    pass
"""

_FILL = """
    INSERT INTO contact (number, first_name, last_name, country, kind, fields)
    SELECT 'n' || n, 'Jürgen' || n, 'Muster', 'DE', 'b2c', '{"city": "Graz"}' FROM generate_series(1, :size) AS n;

    INSERT INTO address (key, domain_key)
    SELECT sha256(CAST('a' || n AS bytea)), sha256(CAST('d' || n % 5000 AS bytea)) FROM generate_series(1, :size) AS n;

    INSERT INTO endpoint (contact_id, channel, address_id, value)
    SELECT n, 'email', n, 'reader' || n || '@domain' || n % 5000 || '.example' FROM generate_series(1, :size) AS n;

    INSERT INTO consent (address_id, controller_id, channel, purpose, basis, requested_at, confirmed_at)
    SELECT n, :controller, 'email', 'newsletter', 'double_opt_in', now() - interval '40 days',
      now() - interval '40 days'
    FROM generate_series(1, :size) AS n;

    INSERT INTO recipient_choice (address_id, tracking)
    SELECT n, 'individual' FROM generate_series(1, :size) AS n
"""


@dataclass(frozen=True)
class Sink:
    """A running smtp-sink and where it writes its count."""

    port: int
    output: Path

    def count(self) -> int:
        """How many messages it took since it started."""
        found = re.findall(rb"mesg=(\d+)", self.output.read_bytes())
        return int(found[-1]) if found else 0


def measure(*, rounds: int, size: int | None) -> list[Measured]:
    """Answers S1, S2 and S8 in messages a second."""
    source, sink = tool("smtp-source"), tool("smtp-sink")
    if source is None or sink is None:
        why = "Postfix's smtp-source and smtp-sink are not installed (Debian: apt install postfix)"
        return [Measured(name, skipped=why) for name in ("S1", "S2", "S8")]
    many = size or SIZE
    draw_key()
    signing, plain = _fill(many)
    rates: dict[str, list[float]] = {"source": [], "S1": [], "S2": [], "direct": []}
    for _ in range(rounds):
        rates["source"].append(_yardstick(source, sink, max(many, YARDSTICK_SIZE)))
        rates["S1"].append(_send(sink, signing, many, through_queue=True))
        rates["direct"].append(_send(sink, signing, many, through_queue=False))
        rates["S2"].append(_send(sink, plain, many, through_queue=True))
    note = f"{many:,} messages, {WORKERS} workers"
    return [
        Measured("S1", ours=rates["S1"], yardstick=rates["source"], unit="messages/s", note=note),
        Measured("S2", ours=rates["S2"], yardstick=rates["source"], unit="messages/s", note=note),
        Measured("S8", ours=rates["S1"], yardstick=rates["direct"], unit="messages/s", note=note),
    ]


def tool(name: str) -> str | None:
    """Where a program of Postfix is; Debian keeps them where ordinary users do not look."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def draw_key() -> None:
    """A signing key of the usual strength."""
    key = rsa.generate_private_key(65537, 2048)
    path = settings().home / "dkim" / f"{SELECTOR}.pem"
    path.parent.mkdir(parents=True, exist_ok=True)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(*form))


def letter() -> Compiled:
    """A newsletter as newsletters are: 19 KB of HTML with styles at every cell, eight links, fields, a condition."""
    words = WORDS
    cell = '<td style="padding:12px 24px;font-family:Arial,sans-serif;font-size:14px;line-height:21px;color:#333333">'
    blocks = [
        f"<tr>{cell}{' '.join(words[(n + k) % len(words)] for k in range(110))} "
        f'<a href="{{{{ url_{n} }}}}" style="color:#0055aa">mehr {n}</a></td></tr>'
        for n in range(8)
    ]
    filler = f"<tr>{cell}{' '.join(words) * 2}</td></tr>" * 18
    html = (
        "<!doctype html><html><body><table>"
        "<tr><td>Hallo {{ contact.first_name }} {{ contact.last_name }} aus {{ contact.city }}</td></tr>"
        "{% if contact.country == 'DE' %}<tr><td>Nur in Deutschland: {{ contact.number }}</td></tr>{% endif %}"
        f"{''.join(blocks)}{filler}"
        '<tr><td><a href="{{ unsubscribe_url }}">abmelden</a></td></tr></table>'
        '{% if pixel_url %}<img src="{{ pixel_url }}" width="1" height="1" alt="">{% endif %}</body></html>'
    )
    plain = "Hallo {{ contact.first_name }},\n\n" + "\n".join(f"{' '.join(words)} {{{{ url_{n} }}}}" for n in range(8))
    return Compiled(
        locale="de",
        subject="Für Sie, {{ contact.first_name }}: {{ contact.number }}",
        html=html,
        text=plain + "\n\n{{ unsubscribe_url }}\n",
        links=tuple(f"https://shop.example/angebot/{n}" for n in range(8)),
        fields=("first_name", "last_name", "city", "country", "number"),
    )


def _fill(size: int) -> tuple[int, int]:
    """People who agreed, and two senders: one that signs, one whose relay does."""
    with transaction() as session:
        controller = session.scalars(select(Controller.id)).first()
        if controller is None:
            row = insert(Controller).values(code="bench", name="Bench", imprint="Bench, Wien", country="AT")
            controller = session.scalars(row.returning(Controller.id)).one()
        for statement in _FILL.split(";"):
            session.execute(text(statement), {"size": size, "controller": controller})
        common = {
            "controller_id": controller,
            "from_name": "Größe & Söhne",
            "from_address": "news@bench.example",
            "return_domain": "bounce.bench.example",
        }
        rows = [
            common | {"code": "signs", "dkim_selector": SELECTOR},
            common | {"code": "relay", "dkim_selector": None},
        ]
        signing, plain = session.scalars(insert(Sender).returning(Sender.id, sort_by_parameter_order=True), rows)
    _autocommit("VACUUM ANALYZE")
    return signing, plain


def _autocommit(statement: str) -> None:
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


def _planned(sender_id: int) -> int:
    """A run with its whole audience on record, waiting; in a ledger that is empty but for it."""
    audience = select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id)
    with transaction() as session:
        session.execute(text("TRUNCATE message, exposure, event CASCADE"))
        run_id = open_run(
            session,
            name=f"bench-{secrets.token_hex(4)}",
            sender_id=sender_id,
            purpose="newsletter",
            tracking=TrackingLevel.INDIVIDUAL,
            compiled=letter(),
        )
        pause_run(session, run_id=run_id, reason="bench")
    done = False
    while not done:
        with transaction() as session:
            done = plan(session, run_id=run_id, audience=audience).done
    _autocommit("VACUUM ANALYZE message")
    _autocommit("CHECKPOINT")
    return run_id


def _send(sink: str, sender_id: int, many: int, *, through_queue: bool) -> float:
    """Messages a second from the moment somebody says "send" until nothing is left to settle."""
    run_id = _planned(sender_id)
    with _listening(sink) as listening, _workers(through_queue=through_queue, port=listening.port) as start:
        begun = perf_counter()
        with transaction() as session:
            resume_run(session, run_id=run_id)
        start()
        while not _all_settled(run_id):
            sleep(0.05)
        seconds = perf_counter() - begun
        sleep(0.2)
        counted = listening.count()
    with transaction() as session:
        found = report(session, run_id=run_id)
    assert found["sent"] == many == counted, (found, counted)
    return many / seconds


def _all_settled(run_id: int) -> bool:
    with transaction() as session:
        query = (
            "SELECT NOT EXISTS (SELECT 1 FROM message WHERE run_id = :run AND state IN ('ready'))"
            " AND NOT EXISTS (SELECT 1 FROM message WHERE state IN ('claimed', 'handing_over'))"
        )
        return bool(session.scalar(text(query), {"run": run_id}))


def _yardstick(source: str, sink: str, many: int) -> float:
    with _listening(sink) as listening:
        options = ["-d", "-s", str(SESSIONS), "-m", str(many), "-l", str(BYTES)]
        begun = perf_counter()
        subprocess.run(
            [
                source,
                *options,
                "-f",
                "news@bench.example",
                "-t",
                "reader@domain.example",
                f"127.0.0.1:{listening.port}",
            ],
            check=True,
        )
        return many / (perf_counter() - begun)


@contextmanager
def _listening(sink: str) -> Iterator[Sink]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with tempfile.NamedTemporaryFile(prefix="crusoe-sink-") as output:
        process = subprocess.Popen([sink, "-c", *user, f"127.0.0.1:{port}", "1000"], stdout=output, stderr=output)
        try:
            _wait_for_port(port)
            yield Sink(port=port, output=Path(output.name))
        finally:
            process.kill()
            process.wait()


def _wait_for_port(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


@contextmanager
def _workers(*, through_queue: bool, port: int) -> Iterator["Start"]:
    """Two workers, ready and idle; what is yielded makes the direct ones begin."""
    environment = os.environ | {"CRUSOE_SMTP_URL": f"smtp://127.0.0.1:{port}"}
    processes = [_celery(n, environment) if through_queue else _direct(environment) for n in range(WORKERS)]
    try:
        for process, ready in processes:
            _wait_for_line(process, ready)
        yield Start([] if through_queue else [process for process, _ in processes])
    finally:
        for process, _ in processes:
            process.terminate()
        for process, _ in processes:
            process.wait(timeout=60)


@dataclass(frozen=True)
class Start:
    """Lets workers go that wait for a line."""

    waiting: list[subprocess.Popen[bytes]]

    def __call__(self) -> None:
        """Say go."""
        for process in self.waiting:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            process.stdin.flush()


def _celery(number: int, environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], bytes]:
    options = [
        "-Q",
        "send,work",
        "--concurrency",
        "1",
        "--pool",
        "prefork",
        "--loglevel",
        "INFO",
        "-n",
        f"bench{number}",
    ]
    command = [sys.executable, "-m", "celery", "-q", "-A", "app.worker", "worker", *options]
    return _start(command, environment), b"ready."


def _direct(environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], bytes]:
    return _start([sys.executable, "-c", _DIRECT], environment), b"ready"


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def _wait_for_line(process: subprocess.Popen[bytes], word: bytes) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return
    raise RuntimeError("a worker did not start")
