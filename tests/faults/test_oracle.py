"""The comparison finds every kind of broken promise; without this, a green fault test would show nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.faults.company import Company
from tests.faults.doors import OptOut
from tests.faults.oracle import NAMES, Accounts, compare
from tests.smtp_sink import Delivery

CLEARED = frozenset({"a@x.example", "b@x.example", "c@x.example"})
REFUSED = frozenset({"no@x.example"})


@dataclass(frozen=True)
class Row:
    email: str
    state: str
    decided: bool = True
    attempts: int = 1
    passed: float | None = None


GOOD_LEDGER = (
    Row("a@x.example", "sent"),
    Row("b@x.example", "unknown"),
    Row("c@x.example", "blocked", decided=False),
    Row("no@x.example", "blocked", decided=False),
)


def taken(email: str, *, at: float = 10) -> Delivery:
    return Delivery("news@x.example", email, at, taken=True)


def accounts(**changes: object) -> Accounts:
    usual = {
        "company": Company(CLEARED, REFUSED),
        "deliveries": [taken("a@x.example")],
        "ended": [("a@x.example", 11.0)],
        "opt_outs": [OptOut("a@x.example", 11.5), OptOut("a@x.example", 99.0)],
        "ledger": GOOD_LEDGER,
        "ambiguous": 1,
    }
    return Accounts(**usual | changes)


def changed(index: int, row: Row) -> Sequence[Row]:
    return [row if number == index else old for number, old in enumerate(GOOD_LEDGER)]


def test_kept_promises_are_no_findings():
    found = compare(accounts())
    assert found.sentences == []
    assert set(found.broken) == set(NAMES)
    assert (found.taken, found.unknown_taken, found.closest) == (1, 0, 0.5)
    both = compare(accounts(deliveries=[taken("a@x.example"), taken("b@x.example")]))
    assert (both.sentences, both.unknown_taken) == ([], 1)
    # A door for files promises that nothing passes the gate any more, not that nothing is on its way.
    by_file = compare(accounts(opt_outs=[OptOut("a@x.example", 10.9, "import", final=False)]))
    assert by_file.sentences == []


@pytest.mark.parametrize(
    ("wrong", "name", "sentence"),
    [
        (accounts(deliveries=[taken("a@x.example"), taken("a@x.example")]), "I1", "2 times"),
        (accounts(deliveries=[taken("a@x.example"), taken("no@x.example")]), "I2", "without being cleared"),
        (accounts(ended=[("a@x.example", 11.6)]), "I2", "0.100 s after the answer"),
        (accounts(ledger=changed(0, Row("a@x.example", "sent", passed=11.75))), "I2", "passed the gate 0.250 s after"),
        (accounts(ledger=GOOD_LEDGER[:-1]), "I3", "3 messages for an audience of 4"),
        (accounts(ledger=[*GOOD_LEDGER, GOOD_LEDGER[-1]]), "I3", "5 messages for an audience of 4"),
        (accounts(ledger=changed(1, Row("b@x.example", "claimed"))), "I3", "these are not"),
        (accounts(deliveries=[]), "I4", "never took it"),
        (accounts(deliveries=[taken("a@x.example"), taken("c@x.example")]), "I4", "stands as blocked"),
        (accounts(ledger=changed(0, Row("a@x.example", "sent", decided=False))), "I5", "without a decision"),
        (accounts(faults_of_chains=["batch 3 was changed"]), "I5", "batch 3"),
        (accounts(ended=[("b@x.example", 5.0), ("a@x.example", 96.0)], opt_outs=[]), "I6", "for 91 s"),
        (accounts(early=[("a@x.example", 0.5)]), "I7", "0.50 s too early"),
        (accounts(fired_twice=["send: 7"]), "I7", "send: 7 fired twice"),
        (accounts(not_stored=["a@x.example got an answer"]), "I9", "got an answer"),
        (accounts(ambiguous=0), "I10", "1 unknown, but only 0 could be"),
    ],
)
def test_every_broken_promise_is_found_and_named(wrong, name, sentence):
    found = compare(wrong)
    assert any(sentence in each for each in found.broken[name]), found.broken


def test_a_pause_that_somebody_wanted_is_no_silence():
    moments = [("b@x.example", 5.0), ("a@x.example", 96.0)]
    assert compare(accounts(ended=moments, opt_outs=[], pauses=[(6.0, 60.0)])).sentences == []
