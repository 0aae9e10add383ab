"""S9: a campaign into a real Postfix, which writes each mail to its disk before it says yes, against its own generator.

Both sides hand mails of the same size to the same Postfix; in each round the ledger must say `sent` exactly as often as
mails entered its queue.
"""

from time import perf_counter

from bench.mailing import draw_key, fill, planned
from bench.postfix import NEEDS_ROOT, Relay, relay
from bench.result import Measured
from bench.smtp_tools import MISSING, load, tool
from bench.workers import workers
from core.db import transaction
from delivery import report, resume_run

SIZE = 20_000
YARDSTICK_SIZE = 5_000


def measure(*, rounds: int, size: int | None) -> list[Measured]:
    """Answers S9 and S9S in messages a second."""
    source = tool("smtp-source")
    if source is None:
        return [Measured(name, skipped=MISSING) for name in ("S9", "S9S")]
    many = size or SIZE
    draw_key()
    signing, plain = fill(many)
    rates: dict[str, list[float]] = {name: [] for name in ("source", "S9", "S9S")}
    for _ in range(rounds):
        with relay() as postfix:
            if postfix is None:
                return [Measured(name, skipped=NEEDS_ROOT) for name in ("S9", "S9S")]
            rates["source"].append(load(source, postfix.port, YARDSTICK_SIZE))
            postfix.rest()
            rates["S9"].append(_send(postfix, plain, many))
            rates["S9S"].append(_send(postfix, signing, many))
    note = f"{many:,} messages, 2 workers"
    return [
        Measured(name, ours=rates[name], yardstick=rates["source"], unit="messages/s", note=note)
        for name in ("S9", "S9S")
    ]


def _send(postfix: Relay, sender_id: int, many: int) -> float:
    run_id = planned(sender_id)
    before = postfix.count()
    with workers(through_queue=True, url=postfix.url) as crew:
        begun = perf_counter()
        with transaction() as session:
            resume_run(session, run_id=run_id)
        crew.go()
        crew.wait_until_settled(run_id)
        seconds = perf_counter() - begun
    with transaction() as session:
        found = report(session, run_id=run_id)
    postfix.rest()
    taken = postfix.count() - before
    assert found["sent"] == many == taken, (found, taken)
    return many / seconds
