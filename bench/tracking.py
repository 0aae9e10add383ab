"""T1: what verifying and spooling a click costs. T4: whether a kill at full load loses one that was answered."""

import os
import secrets
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import cycle
from statistics import mean
from time import monotonic, sleep

from sqlalchemy import insert, text

from app.supervisor.programs import WEB_PROCESSES, WEB_THREADS
from bench.result import Measured
from contacts.models import Address, RecipientChoice, TrackingLevel
from core.db import transaction
from core.embedded.identity import child_setup
from core.keys import address_key
from tracking.consume import consume_spool
from tracking.links import store_links
from tracking.spool import folder
from tracking.tokens import Purpose, make_message_token

RUN = 1
LINKS = [f"https://shop.example/{number}" for number in range(8)]
SECONDS = 1.0
TURNS = 6
CONNECTIONS = 32
DIFFERENT_TOKENS = 2_000
HITS = 20_000


def empty(_environ: object, start_response: object) -> Iterable[bytes]:
    """The yardstick: an application that answers a redirect and does nothing else."""
    start_response("302 Found", [("Location", LINKS[0]), ("Content-Length", "0")])  # type: ignore[operator]
    return []


def ours(environ: dict[str, object], start_response: object) -> Iterable[bytes]:
    """What answers clicks, without the pages behind it."""
    return _answer(environ, start_response)


def _answer(environ: dict[str, object], start_response: object) -> Iterable[bytes]:
    global _answer  # noqa: PLW0603 - wrapped at the first request, in the process that answers
    from tracking.hits import wrap

    _answer = wrap(empty)  # type: ignore[assignment, arg-type]
    return _answer(environ, start_response)


def measure(*, rounds: int, size: int | None) -> list[Measured]:
    """Answers T1 and T4. `size`: clicks sent at each kill of T4."""
    reader, links = _someone()
    return [_cost(reader, links, rounds=rounds), _loss(reader, links, rounds=rounds, hits=size or HITS)]


def _someone() -> tuple[int, list[int]]:
    """A reader who allows everything, and the links of one run."""
    with transaction() as session:
        new = insert(Address).values(key=address_key("reader@mail.example"), domain_key=address_key("@mail.example"))
        reader = session.scalars(new.returning(Address.id)).one()
        session.execute(insert(RecipientChoice).values(address_id=reader, tracking=TrackingLevel.INDIVIDUAL))
        return reader, list(store_links(session, RUN, LINKS).values())


def _path(message_id: int, *, reader: int, links: Sequence[int]) -> str:
    link = links[message_id % len(links)]
    token = make_message_token(
        Purpose.CLICK, run_id=RUN, message_id=message_id, address_id=reader, link_id=link, sent_at=1_760_000_000
    )
    return f"/c/{token}"


@contextmanager
def serving(name: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """One of the two applications on the product's server, with the product's options."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "granian", f"bench.tracking:{name}", "--interface", "wsgi", "--port", str(port)),
            *("--workers", str(WEB_PROCESSES), "--blocking-threads", str(WEB_THREADS), "--http", "1", "--no-ws"),
            *("--log-level", "error"),
        ],
        process_group=0,
        preexec_fn=child_setup(unprivileged=False),
    )
    try:
        until = monotonic() + 60
        while not _answers(port):
            if monotonic() > until or process.poll() is not None:
                raise RuntimeError(f"the server for {name} did not start")
            sleep(0.05)
        yield port, process
    finally:
        _kill(process)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"GET /ready HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            return bool(connection.recv(12))
    except OSError:
        return False


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        process.wait()


def _cost(reader: int, links: Sequence[int], *, rounds: int) -> Measured:
    """Both servers are up the whole time and are asked the same."""
    paths = [_path(number, reader=reader, links=links) for number in range(DIFFERENT_TOKENS)]
    client = _by_wrk if shutil.which("wrk") else _by_python
    with serving("ours") as (our_port, _), serving("empty") as (their_port, _):
        for port in (our_port, their_port):
            client(port, paths, seconds=SECONDS)
        both = [_in_turns(our_port, their_port, partial(client, paths=paths, seconds=SECONDS)) for _ in range(rounds)]
        written = sum(path.read_bytes().count(b"\n") for path in folder().iterdir())
    shutil.rmtree(folder())
    our_rates, their_rates = map(list, zip(*both, strict=True))
    answered = sum(our_rates) * SECONDS * TURNS
    note = f"client: {'wrk' if client is _by_wrk else 'Python'}; {written:,} lines spooled"
    if written < answered:
        note += f", fewer than the {answered:,.0f} answers"
    return Measured("T1", our_rates, their_rates, unit="requests/s", note=note)


def _in_turns(our_port: int, their_port: int, rate: Callable[[int], float]) -> tuple[float, float]:
    """What each of two servers reaches over several short turns.

    How the threads of two processes fall on the processors changes from second to second.
    """
    reached: dict[int, list[float]] = {our_port: [], their_port: []}
    for turn in range(TURNS):
        for port in list(reached)[:: 1 if turn % 2 == 0 else -1]:
            reached[port].append(rate(port))
    return mean(reached[our_port]), mean(reached[their_port])


def _by_wrk(port: int, paths: Sequence[str], *, seconds: float) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        quoted = ",".join(f'"{path}"' for path in paths)
        script.write(
            f"local paths = {{{quoted}}}\nlocal ready, turn = {{}}, 0\n"
            "init = function() for i, p in ipairs(paths) do ready[i] = wrk.format('GET', p) end end\n"
            "request = function() turn = turn % #ready + 1; return ready[turn] end\n"
            "done = function(s) io.write(string.format('FOUND %d %d\\n', s.requests, s.duration)) end\n"
        )
        script.flush()
        url = f"http://127.0.0.1:{port}"
        done = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", script.name, url],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    _, requests, microseconds = next(line for line in done.stdout.splitlines() if line.startswith("FOUND")).split()
    return int(requests) / int(microseconds) * 1_000_000


def _by_python(port: int, paths: Sequence[str], *, seconds: float) -> float:
    """Without wrk: what it does, in one thread. Answers have no body, so each of them ends with an empty line."""
    requests = cycle([_request(path) for path in paths])
    answered, asking = 0, selectors.DefaultSelector()
    with ExitStack() as opened:
        for _ in range(CONNECTIONS):
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            asking.register(connection, selectors.EVENT_READ, connection)
            connection.sendall(next(requests))
        begun = monotonic()
        while monotonic() < begun + seconds:
            for key, _ in asking.select(timeout=1):
                if key.data.recv(65536).endswith(b"\r\n\r\n"):
                    answered += 1
                    key.data.sendall(next(requests))
    return answered / seconds


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: Thunderbird\r\n\r\n".encode()


def _loss(reader: int, links: Sequence[int], *, rounds: int, hits: int) -> Measured:
    """Kill the whole server while it answers, then compare what clients were told with what the ledger holds."""
    dice = secrets.SystemRandom()
    lost, doubled, answered = [], 0, 0
    for number in range(rounds):
        first = (number + 1) * 1_000_000_000
        acknowledged = _under_fire(first, reader=reader, links=links, hits=hits, share=dice.uniform(0.2, 0.8))
        while consume_spool().more:
            pass
        stored = _stored(first)
        lost.append(len(acknowledged - set(stored)))
        doubled += len(stored) - len(set(stored))
        answered += len(acknowledged)
    note = f"{answered:,} clicks answered before {rounds} kills, {doubled} stored twice"
    if doubled:
        lost = [count + doubled for count in lost]
    return Measured("T4", lost, unit="hits", note=note)


def _under_fire(first: int, *, reader: int, links: Sequence[int], hits: int, share: float) -> set[int]:
    """Send clicks over several connections, kill the server after a share of them, answer which were acknowledged."""
    lanes = 8
    acknowledged: list[set[int]] = [set() for _ in range(lanes)]
    plan = [
        [
            (number, _request(_path(number, reader=reader, links=links)))
            for number in range(first + lane, first + hits, lanes)
        ]
        for lane in range(lanes)
    ]
    with serving("ours") as (port, process):
        threads = [
            threading.Thread(target=_click_until_dead, args=(port, plan[lane], acknowledged[lane]))
            for lane in range(lanes)
        ]
        for thread in threads:
            thread.start()
        while sum(map(len, acknowledged)) < hits * share and any(thread.is_alive() for thread in threads):
            sleep(0.001)
        _kill(process)
        for thread in threads:
            thread.join()
    return set[int]().union(*acknowledged)


def _click_until_dead(port: int, plan: Sequence[tuple[int, bytes]], acknowledged: set[int]) -> None:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            for number, request in plan:
                connection.sendall(request)
                answer = connection.recv(65536)
                while answer and not answer.endswith(b"\r\n\r\n"):
                    answer += connection.recv(65536)
                if not answer.startswith(b"HTTP/1.1 302"):
                    return
                acknowledged.add(number)
    except OSError:
        # The server is dead, as it was meant to be.
        return


def _stored(first: int) -> list[int]:
    with transaction() as session:
        query = text("SELECT message_id FROM event WHERE message_id >= :first AND message_id < :last")
        return list(session.scalars(query, {"first": first, "last": first + 1_000_000_000}))
