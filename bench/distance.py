"""S10: how much of a distant server's rate is used: ten connections, and 20 ms until any answer is there.

A proxy between the worker and the sink keeps everything back for half of the round trip, in both directions. With one
round trip for each mail, ten connections could carry ten mails in each round trip, and no more.
"""

import asyncio
import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from time import perf_counter

from bench.mailing import fill, planned
from bench.result import Measured
from bench.smtp_tools import MISSING, listening, tool
from bench.workers import workers
from core.db import transaction
from delivery import resume_run

SIZE = 5_000
CONNECTIONS = 10
ROUND_TRIP = 0.020


def measure(*, rounds: int, size: int | None) -> list[Measured]:
    """Answers S10 in messages a second."""
    sink = tool("smtp-sink")
    if sink is None:
        return [Measured("S10", skipped=MISSING)]
    many = min(size or SIZE, SIZE)
    _, plain = fill(many)
    rates = [_send(sink, plain, many) for _ in range(rounds)]
    note = f"{many:,} messages, one worker, {CONNECTIONS} connections, {ROUND_TRIP * 1000:.0f} ms"
    possible = [CONNECTIONS / ROUND_TRIP] * rounds
    return [Measured("S10", ours=rates, yardstick=possible, unit="messages/s", note=note)]


def _send(sink: str, sender_id: int, many: int) -> float:
    run_id = planned(sender_id)
    with listening(sink) as server, _far_away(server.port) as port:
        url = f"smtp://127.0.0.1:{port}?connections={CONNECTIONS}"
        with workers(through_queue=False, url=url, many=1) as crew:
            began = perf_counter()
            with transaction() as session:
                resume_run(session, run_id=run_id)
            crew.go()
            crew.wait_until_settled(run_id)
            return many / (perf_counter() - began)


@contextmanager
def _far_away(port: int) -> Iterator[int]:
    """A port that leads to another one, with the round trip in between; a process of its own, so that it keeps time."""
    ours, theirs = Pipe()
    process = Process(target=_proxy, args=(port, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _proxy(port: int, tell: Connection) -> None:
    # What the parent does at the end is not for us: we just end.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    asyncio.run(_serve(port, tell))


async def _serve(port: int, tell: Connection) -> None:
    async def connected(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_carry(near, there), _carry(far, back))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    tell.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on whatever comes, half a round trip later; what came behind waits no longer for what came before."""
    loop = asyncio.get_running_loop()
    waiting: deque[bytes] = deque()

    def pass_on() -> None:
        if not target.is_closing():
            target.write(waiting.popleft())

    while data := await source.read(256 * 1024):
        waiting.append(data)
        loop.call_later(ROUND_TRIP / 2, pass_on)
    loop.call_later(ROUND_TRIP / 2, target.close)
