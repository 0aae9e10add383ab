"""How sending behaves from a thousand recipients to a million: `python -m bench.scaling`.

For each size a database of its own, two workers that wait, and then "send": the audience is written down in chunks
while the first mails leave, as in production. Nothing is judged here: it prints what should stay the same.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep

import click
from redis import Redis
from rich.console import Console
from rich.table import Table
from sqlalchemy import select, text

from bench.mailing import fill, letter
from bench.smtp_tools import MISSING, Sink, listening, tool
from bench.surroundings import fresh_database, installation
from bench.workers import Crew, workers
from contacts.models import Endpoint, TrackingLevel
from core.db import transaction
from core.settings import settings
from core.tasks import press
from delivery import open_run, plan, report
from delivery.runs import SEND

SIZES = (1_000, 10_000, 100_000, 1_000_000)

_SIZES = """
    SELECT coalesce(avg(pg_column_size(message.*)), 0)::int AS row,
           pg_total_relation_size('message') / greatest(count(*), 1) AS kept,
           pg_total_relation_size('decision') / greatest((SELECT count(*) FROM decision), 1) AS decision
    FROM message
"""


@dataclass(frozen=True)
class Scaled:
    """One size. Times are microseconds for each recipient, sizes bytes for each row, memory in MB.

    `worker`: the most that a worker process ever held; `share`: its part in the end, with pages that several processes
    use divided among them (PSS). `first`: seconds from "send" until the sink had a mail.
    `ledger_kept`: what the table takes right after sending, with its indexes and the versions that vacuum clears away.
    """

    recipients: int
    first: float
    planned: float
    sent_per_second: float
    worker: float
    share: float
    broker: float
    ledger_row: int
    ledger_kept: int
    decision: int


@click.command()
@click.option("--sizes", default=",".join(map(str, SIZES)), show_default=True, help="Numbers of recipients.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the figures as JSON.")
def main(sizes: str, out: Path | None) -> None:
    """Send to more and more recipients and print what each of them costs."""
    sink = tool("smtp-sink")
    if sink is None:
        raise click.ClickException(MISSING)
    found = []
    with installation() as postgres:
        for size in map(int, sizes.split(",")):
            fresh_database(postgres)
            found.append(_measure(sink, size))
            show(found)
    if out is not None:
        out.write_text(json.dumps([asdict(one) for one in found], indent=1))


def show(found: Sequence[Scaled]) -> None:
    """The table so far."""
    names = list(asdict(found[0]))
    table = Table(*(name.replace("_", " ") for name in names))
    for one in found:
        table.add_row(
            *(f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" for value in asdict(one).values())
        )
    Console(highlight=False, width=None if sys.stdout.isatty() else 140).print(table)


def _measure(sink: str, size: int) -> Scaled:
    _, plain = fill(size)
    with listening(sink) as server, workers(through_queue=True, url=server.url) as crew:
        broker = Redis.from_url(settings().broker_url.replace("redis+socket:", "unix:"))
        idle = broker.info("memory")["used_memory"]  # type: ignore[index]
        run_id = _open(plain)
        begun = perf_counter()
        with _watching(server, begun) as first:
            _plan(run_id)
            planned = perf_counter() - begun
            crew.wait_until_settled(run_id)
            seconds = perf_counter() - begun
        peak = broker.info("memory")["used_memory_peak"]  # type: ignore[index]
        memory = max(_most_held(process) for process in _processes(crew))
        share = max(_share(process) for process in _processes(crew))
    with transaction() as session:
        assert report(session, run_id=run_id)["sent"] == size
        rows = session.execute(text(_SIZES)).one()
    return Scaled(
        recipients=size,
        first=first[0],
        planned=planned / size * 1e6,
        sent_per_second=size / seconds,
        worker=memory / 1024,
        share=share / 1024,
        broker=max(0, peak - idle) / 2**20,
        ledger_row=rows.row,
        ledger_kept=rows.kept,
        decision=rows.decision,
    )


def _open(sender_id: int) -> int:
    with transaction() as session:
        return open_run(
            session,
            name="scaling",
            sender_id=sender_id,
            purpose="newsletter",
            tracking=TrackingLevel.INDIVIDUAL,
            compiled=letter(),
        )


def _plan(run_id: int) -> None:
    audience = select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id)
    done = False
    while not done:
        with transaction() as session:
            done = plan(session, run_id=run_id, audience=audience).done
        press(SEND, times=2)


@contextmanager
def _watching(server: Sink, begun: float) -> Iterator[list[float]]:
    """Note when the sink has its first mail."""
    found: list[float] = []

    def watch() -> None:
        while server.count() == 0:
            sleep(0.01)
        found.append(perf_counter() - begun)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    yield found
    thread.join(timeout=10)


def _processes(crew: Crew) -> list[int]:
    """The workers and the processes that they forked."""
    own = {worker.process.pid for worker in crew.workers}
    return [pid for pid in map(int, filter(str.isdigit, _names())) if pid in own or _parent(pid) in own]


def _names() -> list[str]:
    return [path.name for path in Path("/proc").iterdir()]


def _parent(pid: int) -> int:
    return _status(pid, "PPid")


def _most_held(pid: int) -> int:
    """KB."""
    return _status(pid, "VmHWM")


def _share(pid: int) -> int:
    """KB."""
    return _status(pid, "Pss", file="smaps_rollup")


def _status(pid: int, name: str, *, file: str = "status") -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


if __name__ == "__main__":
    main()
