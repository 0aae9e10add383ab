"""The comparison finds every kind of broken promise; without this, a green fault test would show nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.faults.chaos import OptOut
from tests.faults.company import Company
from tests.faults.oracle import Accounts, compare
from tests.smtp_sink import Delivery

CLEARED = frozenset({"a@x.example", "b@x.example", "c@x.example"})
REFUSED = frozenset({"no@x.example"})


@dataclass(frozen=True)
class Row:
    email: str
    state: str
    decided: bool = True
    attempts: int = 1


GOOD_LEDGER = (
    Row("a@x.example", "sent"),
    Row("b@x.example", "unknown"),
    Row("c@x.example", "blocked", decided=False),
    Row("no@x.example", "blocked", decided=False),
)


def taken(email: str, *, at: float = 10) -> Delivery:
    return Delivery("news@x.example", email, at, taken=True)


def accounts(
    *,
    deliveries: Sequence[Delivery] = (taken("a@x.example"),),
    ended: Sequence[tuple[str, float]] = (("a@x.example", 11.0),),
    opt_outs: Sequence[OptOut] = (OptOut("a@x.example", 11.5), OptOut("a@x.example", 99.0)),
    ledger: Sequence[Row] = GOOD_LEDGER,
    ambiguous: int = 1,
) -> Accounts:
    return Accounts(Company(CLEARED, REFUSED), deliveries, ended, opt_outs, ledger, ambiguous)


def changed(index: int, row: Row) -> Sequence[Row]:
    return [row if number == index else old for number, old in enumerate(GOOD_LEDGER)]


def test_kept_promises_are_no_findings():
    found = compare(accounts())
    assert found.broken == []
    assert (found.taken, found.unknown_taken, found.closest) == (1, 0, 0.5)
    both = compare(accounts(deliveries=[taken("a@x.example"), taken("b@x.example")]))
    assert (both.broken, both.unknown_taken) == ([], 1)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (accounts(deliveries=[taken("a@x.example"), taken("a@x.example")]), "2 times"),
        (accounts(deliveries=[taken("a@x.example"), taken("no@x.example")]), "without being cleared"),
        (accounts(deliveries=[]), "never took it"),
        (accounts(deliveries=[taken("a@x.example"), taken("c@x.example")]), "stands as blocked"),
        (accounts(ledger=changed(0, Row("a@x.example", "sent", decided=False))), "without a decision"),
        (accounts(ledger=GOOD_LEDGER[:-1]), "3 messages for an audience of 4"),
        (accounts(ledger=[*GOOD_LEDGER, GOOD_LEDGER[-1]]), "5 messages for an audience of 4"),
        (accounts(ledger=changed(1, Row("b@x.example", "claimed"))), "these are not"),
        (accounts(ended=[("a@x.example", 11.6)]), "0.100 s after the answer"),
        (accounts(ambiguous=0), "1 unknown, but only 0 could be"),
    ],
)
def test_every_broken_promise_is_found(wrong, sentence):
    assert any(sentence in each for each in compare(wrong).broken), compare(wrong).broken
