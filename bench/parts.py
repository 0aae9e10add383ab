"""Where the time of a mail goes, part by part: `python -m bench.parts`.

One worker sends a campaign in this process while a timer that counts its CPU time only looks a thousand times a second
at what it is doing. Waiting costs nothing here, so other work on the machine blurs the figures, but does not stretch
them as it stretches rates. Beside it stand the database and the sink, which share the cores with it.
"""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from types import FrameType

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.mailing import draw_key, fill, planned
from bench.smtp_tools import MISSING, listening, tool
from bench.surroundings import fresh_database, installation
from core.db import transaction
from core.settings import settings
from delivery import resume_run

SIZE = 20_000
EVERY = 0.001
TICKS = os.sysconf("SC_CLK_TCK")

# The innermost of these that is running says which part it is.
PARTS = {
    ("delivery/dkim.py", "prepare"): "writing: signature",
    ("delivery/dkim.py", "sign_all"): "writing: signature",
    ("delivery/compose.py", "draft"): "writing: headers and MIME",
    ("delivery/compose.py", "seal"): "writing: headers and MIME",
    ("templates/render.py", "render_quoted"): "writing: template",
    ("delivery/letters.py", "addresses"): "writing: signed links",
    ("delivery/letters.py", "write"): "writing: the rest",
    ("delivery/letters.py", "finish"): "writing: the rest",
    ("delivery/handover_journal.py", "note"): "journal of the hand-over",
    ("delivery/smtp/wire.py", "push"): "SMTP: writing to the socket",
    ("delivery/smtp/exchange.py", "run"): "SMTP: all else",
    ("delivery/gate.py", "gate"): "gate",
    ("delivery/recipients.py", "recipients"): "loading recipients",
    ("delivery/worker.py", "_claim"): "claim",
    ("delivery/settle.py", "settle"): "settlement",
}
OTHER = "all else"


@click.command()
@click.option("--size", default=SIZE, show_default=True, help="Mails.")
@click.option("--sign", is_flag=True, help="Sign with RSA-2048; else the relay signs.")
def main(size: int, sign: bool) -> None:
    """Send, and print the microseconds of CPU time for each mail."""
    sink = tool("smtp-sink")
    if sink is None:
        raise click.ClickException(MISSING)
    with installation() as postgres:
        fresh_database(postgres)
        draw_key()
        signing, plain = fill(size)
        run_id = planned(signing if sign else plain)
        with listening(sink) as server:
            os.environ["CRUSOE_SMTP_URL"] = server.url
            settings.cache_clear()
            show(measure(run_id, size), size)


def measure(run_id: int, size: int) -> dict[str, float]:
    """Send a run that waits, and answer the microseconds of CPU time of each part for each mail."""
    from delivery.worker import Worker

    worker = Worker()
    with transaction() as session:
        resume_run(session, run_id=run_id)
        backend = session.scalar(text("SELECT pg_backend_pid()"))
    assert backend is not None
    before = _others(backend)
    with _sampling() as seen:
        wall, begun = perf_counter(), process_time()
        while worker.run(seconds=3600):
            pass
        wall, spent = perf_counter() - wall, process_time() - begun
    total = sum(seen.values())
    parts = {part: seen[part] / total * spent for part in (*PARTS.values(), OTHER) if seen[part]}
    sums = {"worker": spent} | {name: now - before[name] for name, now in _others(backend).items()} | {"wall": wall}
    return {name: seconds / size * 1e6 for name, seconds in (parts | sums).items()}


@contextmanager
def _sampling() -> Iterator[Counter[str]]:
    seen: Counter[str] = Counter()

    def look(_: int, frame: FrameType | None) -> None:
        seen[_part(frame)] += 1

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        yield seen
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _part(frame: FrameType | None) -> str:
    while frame is not None:
        code = frame.f_code
        for (path, name), part in PARTS.items():
            if code.co_name == name and code.co_filename.endswith(path):
                return part
        frame = frame.f_back
    return OTHER


def _others(backend: int) -> dict[str, float]:
    """Seconds of CPU time that the database and the sink used so far."""
    processes = [_stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()]
    server = next((found[1] for found in processes if found[3] == backend), 0)
    return {
        "database": sum(found[2] for found in processes if server in {found[1], found[3]}),
        "sink": sum(found[2] for found in processes if found[0] == "smtp-sink"),
    }


def _stat(pid: int) -> tuple[str, int, float, int]:
    """Name, parent, CPU seconds and id of a process."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return "", 0, 0.0, pid
    fields = rest.split()
    return name, int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS, pid


def show(found: dict[str, float], size: int) -> None:
    """The table, the sums last."""
    table = Table("part", "µs for each mail", title=f"{size:,} mails, one worker")
    for name, value in found.items():
        if name == "worker":
            table.add_section()
        table.add_row(name, f"{value:.1f}")
    Console(highlight=False).print(table)


if __name__ == "__main__":
    main()
