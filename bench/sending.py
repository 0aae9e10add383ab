"""S1 to S4, S1O and S8: a campaign from "send" to the last settled message, against Postfix's own load generator.

Both sides hand mails of the same size to `smtp-sink`. Ours does all that it does in production: claim, decide again at
the gate, merge, sign, hand over, settle, count; two workers woken through the queue. After each round the ledger must
say `sent` exactly as often as the sink counted.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, sleep

from bench.mailing import draw_key, fill, planned
from bench.result import Measured
from bench.smtp_tools import MISSING, listening, tool, yardstick
from bench.textbook import raw_signatures, textbook
from bench.workers import WORKERS, workers
from core.db import transaction
from delivery import report, resume_run
from delivery.multi_buffer import is_possible

SIZE = 100_000
# The yardsticks need fewer mails to be measured.
YARDSTICK_SIZE = 20_000
TEXTBOOK_SIZE = 200


def measure(*, rounds: int, size: int | None) -> list[Measured]:
    """Answers S1, S1O, S2, S3, S4 and S8 in messages a second."""
    source, sink = tool("smtp-source"), tool("smtp-sink")
    if source is None or sink is None:
        return [Measured(name, skipped=MISSING) for name in ("S1", "S1O", "S2", "S3", "S4", "S8")]
    many = size or SIZE
    draw_key()
    signing, plain = fill(many)
    rates: dict[str, list[float]] = {name: [] for name in ("source", "S1", "S1O", "S2", "direct", "raw", "textbook")}
    for _ in range(rounds):
        rates["source"].append(yardstick(source, sink, YARDSTICK_SIZE))
        rates["S1"].append(_send(sink, signing, many, through_queue=True))
        if is_possible():
            with _one_by_one():
                rates["S1O"].append(_send(sink, signing, many, through_queue=True))
        rates["direct"].append(_send(sink, signing, many, through_queue=False))
        rates["S2"].append(_send(sink, plain, many, through_queue=True))
        rates["raw"].append(raw_signatures() * WORKERS)
        rates["textbook"].append(textbook(sink, TEXTBOOK_SIZE, processes=WORKERS))
    how = "signed eight at once" if is_possible() else "signed one by one"
    note = f"{many:,} messages, {WORKERS} workers"
    measured = [
        Measured(name, ours=rates[ours], yardstick=rates[against], unit="messages/s", note=remark)
        for name, ours, against, remark in (
            ("S1", "S1", "source", f"{note}, {how}"),
            ("S2", "S2", "source", note),
            ("S3", "S1", "raw", f"{note}, {how}; the raw signatures one by one"),
            ("S4", "S1", "textbook", f"{note}, {how}"),
            ("S8", "S1", "direct", f"{note}, {how}"),
        )
    ]
    if not is_possible():
        return [*measured, Measured("S1O", skipped="there is no libcrypto_mb for this processor: S1 is that already")]
    return [*measured, Measured("S1O", ours=rates["S1O"], yardstick=rates["source"], unit="messages/s", note=note)]


@contextmanager
def _one_by_one() -> Iterator[None]:
    """Workers that are started meanwhile sign as on a machine without libcrypto_mb."""
    os.environ["CRUSOE_MULTI_BUFFER"] = "false"
    try:
        yield
    finally:
        del os.environ["CRUSOE_MULTI_BUFFER"]


def _send(sink: str, sender_id: int, many: int, *, through_queue: bool) -> float:
    """Messages a second from the moment somebody says "send" until nothing is left to settle."""
    run_id = planned(sender_id)
    with listening(sink) as server, workers(through_queue=through_queue, url=server.url) as crew:
        begun = perf_counter()
        with transaction() as session:
            resume_run(session, run_id=run_id)
        crew.go()
        crew.wait_until_settled(run_id)
        seconds = perf_counter() - begun
        sleep(0.2)
        counted = server.count()
    with transaction() as session:
        found = report(session, run_id=run_id)
    assert found["sent"] == many == counted, (found, counted)
    return many / seconds
