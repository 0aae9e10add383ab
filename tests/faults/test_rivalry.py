"""Objections, imports and workers on the same people at the same time: nobody waits in a circle, none is lost."""

import threading
import time
from collections.abc import Callable
from random import Random

import pytest

from core import clock
from core.db import transaction
from suppression import Cause, NewEntry, add, add_many
from tests.delivery.sending import campaign, rows, worker
from tests.delivery.test_gate import addresses
from tests.smtp_sink import Sink, on, say

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120)]

PEOPLE, SECONDS = 1000, 10.0


def test_everybody_at_once_waits_in_no_circle_and_loses_nothing(database, monkeypatch):
    monkeypatch.setenv("CRUSOE_RETRY_AFTER", "1")
    with Sink(on("DOT", say(250, after=0.002)), keep_content=False) as sink:
        monkeypatch.setenv("CRUSOE_SMTP_URL", sink.url)
        campaign(PEOPLE)
        known = list(addresses().values())
        answered: list[tuple[int, float]] = []
        faults: list[BaseException] = []
        until = time.monotonic() + SECONDS

        def again(verb: Callable[[Random], None], seed: int) -> None:
            dice = Random(seed)
            try:
                while time.monotonic() < until:
                    verb(dice)
            except BaseException as error:  # noqa: BLE001 - told at the end of the test, whatever it is
                faults.append(error)

        def one(dice: Random) -> None:
            who = dice.choice(known)
            with transaction() as session:
                add(session, address_id=who, cause=Cause.OPTED_OUT, at=clock.now(), source="test")
            answered.append((who, time.time()))
            time.sleep(0.05)

        def file(dice: Random) -> None:
            chosen = dice.sample(known, 50)
            with transaction() as session:
                add_many(session, [NewEntry(who, Cause.COMPLAINT, clock.now(), "test") for who in chosen])
            moment = time.time()
            answered.extend((who, moment) for who in chosen)
            time.sleep(0.5)

        def sending(_dice: Random) -> None:
            worker().run(seconds=1)
            time.sleep(0.05)

        verbs = [one] * 8 + [file] * 4 + [sending] * 3
        threads = [threading.Thread(target=again, args=(verb, number)) for number, verb in enumerate(verbs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert faults == []
    stored = {row.address_id for row in rows("SELECT DISTINCT address_id FROM suppression_entry")}
    assert {who for who, _ in answered} == stored
    first = {}
    for who, moment in answered:
        first[who] = min(moment, first.get(who, moment))
    passed = rows("SELECT address_id, extract(epoch FROM handed_over_at) AS at FROM message WHERE state = 'sent'")
    assert [row.address_id for row in passed if float(row.at) > first.get(row.address_id, float("inf"))] == []
    assert len({each.recipient for each in sink.taken}) == len(sink.taken)
