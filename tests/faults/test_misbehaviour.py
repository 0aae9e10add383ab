"""Every misbehaviour of the table, against a real worker with a ledger: where each mail ends, and nobody gets two."""

import socket
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from contacts.models import Channel, Contact, Endpoint, TrackingLevel
from core.db import transaction
from delivery import open_run, plan, return_path, take_in
from delivery.backoff import Backoff
from delivery.models import Way
from delivery.returns import classify
from delivery.returns.reading import Reading
from delivery.smtp import Timeouts
from tests.delivery.returns.test_classify import dsn
from tests.delivery.sending import WORDS, numbers, rows, worker
from tests.factories import people, sender
from tests.faults.misbehaviour import (
    ELSEWHERE,
    MEGABYTE,
    Row,
    always,
    answers,
    keeps_waiting,
    leaves_a_line_open,
    waits_for_nothing,
    well,
)
from tests.smtp_sink import Say, Sink

# As long as a busy machine needs to answer, and shorter than the silence of the table.
SHORT = Timeouts(connect=1.5, command=1.5, body=5, dot=1.5, quit=0.2)
# What was put off comes back when the test says so.
LATER = Backoff(first=3600)

WHERE = {
    "waits": {"in_flight": 3},
    "put off": {"deferred": 1, "sent": 2},
    "all put off": {"deferred": 3},
    "unknown": {"unknown": 1, "sent": 2},
    "failed": {"failed": 1, "sent": 2},
    "sent": {"sent": 3},
}


def prepare(number: int, row: Row, sink: Sink) -> int:
    """A sender with this server as its only way out, and a run of three mails."""
    port = sink.port
    host = "localhost" if row.scheme != "smtp" else "127.0.0.1"
    return run_over(f"s{number}", f"{row.scheme}://{row.login}{host}:{port}?connections=1")


def run_over(code: str, url: str, *, many: int = 3) -> int:
    names = [f"{code}-{person}" for person in range(many)]
    with transaction() as session:
        people(session, names)
        run_id = open_run(
            session,
            name=code,
            sender_id=sender(session, code, transport_url=url).id,
            purpose="newsletter",
            tracking=TrackingLevel.NONE,
            compiled=WORDS,
        )
        audience = (
            select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id)
            .join(Contact, Contact.id == Endpoint.contact_id)
            .where(Endpoint.channel == Channel.EMAIL, func.split_part(Contact.number, "-", 1) == code)
        )
        assert plan(session, run_id=run_id, audience=audience).done
    return run_id


def send() -> None:
    """A new worker sends whatever is due."""
    hands = worker(backoff=LATER, timeouts=SHORT)
    while hands.run():
        pass
    hands.close()


@contextmanager
def servers(table: Sequence[Row], offers: tuple[str, ...]) -> Iterator[list[Sink]]:
    with ExitStack() as running:
        yield [running.enter_context(Sink(row.behave(), offers=offers + row.offers)) for row in table]


def differences(table: Sequence[Row], runs: Sequence[int], *, column: str) -> list[str]:
    """Rows that are not where the table says."""
    found = []
    for row, run_id in zip(table, runs, strict=True):
        is_there = {name: count for name, count in numbers(run_id).items() if name != "audience"}
        if is_there != WHERE[getattr(row, column)]:
            found.append(f"{row.fault} {row.does}: {column} {is_there}, not {getattr(row, column)}")
    return found


def wrongs(row: Row, run_id: int, sink: Sink) -> list[str]:
    """What may never be, whatever a server does."""
    taken = Counter(each.recipient for each in sink.taken)
    states = dict(
        rows(
            "SELECT e.value, m.state::text FROM message m JOIN endpoint e USING (address_id) WHERE run_id = :r",
            r=run_id,
        )
    )
    sent = {address for address, state in states.items() if state == "sent"}
    unknown = {address for address, state in states.items() if state == "unknown"}
    checks = {
        "somebody got it twice": max(taken.values(), default=1) > 1,
        "sent, and not taken": not sent <= taken.keys(),
        "taken, and neither sent nor unknown": not taken.keys() <= sent | unknown,
        "not as often taken as the table says": row.taken is not None and len(taken) != row.taken,
        "mail left without the encryption that was required": row.scheme != "smtp" and "MAIL" in str(sink.commands),
    }
    return [f"{row.fault} {row.does}: {wrong}" for wrong, found in checks.items() if found]


def compare(table: Sequence[Row], offers: tuple[str, ...]) -> None:
    with servers(table, offers) as sinks:
        runs = [prepare(number, row, sink) for number, (row, sink) in enumerate(zip(table, sinks, strict=True))]
        send()
        found = differences(table, runs, column="then")
        for row, sink in zip(table, sinks, strict=True):
            if (row.then, row.later) == ("waits", "sent"):
                sink.behaviour = well()
        rows("UPDATE message SET not_before = now() WHERE state = 'ready' RETURNING 1")
        send()
        found += differences(table, runs, column="later")
        for row, run_id, sink in zip(table, runs, sinks, strict=True):
            found += wrongs(row, run_id, sink)
    assert found == []
    (kept,) = rows("SELECT max(octet_length(reply_text)) AS longest, max(attempts) AS most FROM message")
    assert kept.longest <= 1024
    assert kept.most <= 2


OFFERS = pytest.mark.parametrize("offers", [("PIPELINING",), ()], ids=["pipelining", "lock step"])


@OFFERS
def test_each_misbehaviour_ends_as_the_table_says(database, offers):
    compare(waits_for_nothing(pipelining="PIPELINING" in offers), offers)


@pytest.mark.fault
@OFFERS
def test_each_silence_ends_as_the_table_says(database, offers):
    compare((*keeps_waiting(), *(answers() if not offers else ())), offers)


@pytest.mark.fault
@OFFERS
def test_a_line_that_does_not_end_is_taken_for_no_other_mails_answer(database, offers):
    compare(leaves_a_line_open(pipelining="PIPELINING" in offers), offers)


@pytest.mark.fault
def test_long_replies_cost_no_memory(database):
    """Fifty refusals of a megabyte each: what is kept of them is a kilobyte, and nothing stays in memory."""
    flood = Row("F13", "a megabyte, always", always("RCPT", Say(b"550 " + b"x" * MEGABYTE)), "all put off")
    with servers([flood], ("PIPELINING",)) as (sink,):
        run_id = run_over("flood", sink.url, many=50)
        tracemalloc.start()
        try:
            send()
            before, _ = tracemalloc.get_traced_memory()
            rows("UPDATE message SET not_before = now() WHERE state = 'ready' RETURNING 1")
            tracemalloc.reset_peak()
            send()
            after, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert numbers(run_id)["deferred"] == 50
    assert after - before < MEGABYTE / 2
    assert most - before < 2 * MEGABYTE


@pytest.mark.fault
def test_a_server_that_drops_our_packets_holds_up_nobody_else(database):
    """The queue of a listener that nobody accepts from is full: further packets are dropped without an answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as hole, Sink() as sink, ExitStack() as waiting:
        for _ in range(3):
            filler = waiting.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(hole.getsockname())
        lost = run_over("hole", f"smtp://127.0.0.1:{hole.getsockname()[1]}")
        run_id = run_over("well", sink.url, many=40)
        send()
        assert numbers(run_id) == {"audience": 40, "sent": 40}
        assert numbers(lost) == {"audience": 3, "in_flight": 3}
        (said,) = rows("SELECT DISTINCT reply_text FROM message WHERE run_id = :r", r=lost)
        assert "timed out" in said.reply_text


def test_a_bounce_after_the_yes_is_recorded_and_nothing_is_sent_again(database):
    with Sink() as sink:
        run_id = run_over("late", sink.url, many=1)
        send()
        bounced()
        send()
    assert numbers(run_id) == {"audience": 1, "sent": 1}
    assert len(sink.taken) == 1
    assert rows("SELECT kind::text FROM event ORDER BY id") == [("sent",), ("bounce",)]
    assert rows("SELECT cause FROM suppression_entry") == [("hard_bounce",)]


def bounced() -> None:
    """The server that took it finds out that there is nobody."""
    (message,) = rows("SELECT m.id, e.value FROM message m JOIN endpoint e USING (address_id)")
    path = return_path(message_id=message.id, domain="bounce.shop.example")
    raw = dsn(code="smtp; 550 5.1.1 <ada@mail.example>: no such user")
    raw = raw.replace(b"ada@mail.example", message.value.encode())
    with transaction() as session:
        assert take_in(session, raw=raw, reading=Reading(classify(raw)), way=Way.PIPE, envelope=[path]).believed


def test_pauses_outlast_every_usual_greylisting():
    """Servers greylist for up to fifteen minutes; by then only a few of our attempts are used up."""
    backoff, waited, attempts = Backoff(), timedelta(), 0
    while waited < timedelta(seconds=900):
        attempts += 1
        pause = backoff.delay(attempts)
        assert pause is not None
        waited += pause
    assert attempts <= 4


def test_what_the_table_says_is_shown_elsewhere_is():
    root = Path(__file__).parent.parent.parent
    for _, _, name in ELSEWHERE:
        file, _, function = name.partition("::")
        assert f"def {function}(" in (root / file).read_text()
