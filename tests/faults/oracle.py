"""Compares three accounts: what the mail server took, what the ledger says, what objectors were promised."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from core.db import transaction
from tests.faults.chaos import OptOut
from tests.faults.company import Company
from tests.smtp_sink import Delivery

ENDED = {"sent", "failed", "unknown", "held", "blocked", "cancelled", "resolved_sent", "resolved_unsent"}


@dataclass
class Findings:
    """What was found, and every broken promise as a sentence."""

    states: Counter[str] = field(default_factory=Counter)
    taken: int = 0
    unknown_taken: int = 0
    closest: float | None = None
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Accounts:
    """The three accounts, and who was to get mail in the first place."""

    company: Company
    deliveries: Sequence[Delivery]
    ended: Sequence[tuple[str, float]]
    opt_outs: Sequence[OptOut]
    ledger: Sequence[Any]
    # How many mails nobody can know about: hung up on after the final dot, or in the hands of a worker when it died.
    ambiguous: int


def read_ledger(run_id: int) -> Sequence[Any]:
    """Every message of the run: address, state, and whether a decision to send stands behind it."""
    query = """
        SELECT e.value AS email, m.state::text AS state, m.attempts,
               EXISTS (SELECT 1 FROM decision AS d WHERE d.id = m.decision_id AND d.verdict = 'send') AS decided
        FROM message AS m JOIN endpoint AS e ON e.address_id = m.address_id AND e.channel = 'email'
        WHERE m.run_id = :run
    """
    with transaction() as session:
        return session.execute(text(query), {"run": run_id}).all()


def compare(accounts: Accounts) -> Findings:
    """Check every promise; an empty `broken` means that all were kept."""
    findings = Findings(states=Counter(row.state for row in accounts.ledger))
    taken = Counter(each.recipient for each in accounts.deliveries if each.taken)
    findings.taken = sum(taken.values())
    for check in (_nobody_twice, _only_the_cleared, _ledger_agrees, _sums, _objections, _ambiguity):
        findings.broken += check(accounts, taken, findings)
    return findings


def _nobody_twice(_accounts: Accounts, taken: Counter[str], _findings: Findings) -> list[str]:
    return [f"{email} got the mail {times} times" for email, times in taken.items() if times > 1]


def _only_the_cleared(accounts: Accounts, taken: Counter[str], _findings: Findings) -> list[str]:
    wrong = set(taken) - accounts.company.cleared
    return [f"{email} got the mail without being cleared" for email in sorted(wrong)]


def _ledger_agrees(accounts: Accounts, taken: Counter[str], findings: Findings) -> list[str]:
    broken = []
    for row in accounts.ledger:
        if row.state == "sent" and not taken[row.email]:
            broken.append(f"{row.email} stands as sent, but the server never took it")
        if row.state not in {"sent", "unknown", "resolved_sent"} and taken[row.email]:
            broken.append(f"{row.email} stands as {row.state}, but the server took it")
        if row.state in {"sent", "unknown"} and not row.decided:
            broken.append(f"{row.email} was sent without a decision")
        findings.unknown_taken += row.state == "unknown" and taken[row.email] > 0
    return broken


def _sums(accounts: Accounts, _taken: Counter[str], findings: Findings) -> list[str]:
    everybody = accounts.company.cleared | accounts.company.refused
    broken = []
    if {row.email for row in accounts.ledger} != everybody or len(accounts.ledger) != len(everybody):
        broken.append(f"{len(accounts.ledger)} messages for an audience of {len(everybody)}")
    under_way = {state: count for state, count in findings.states.items() if state not in ENDED}
    if under_way:
        broken.append(f"the run is over, but these are not: {under_way}")
    return broken


def _objections(accounts: Accounts, _taken: Counter[str], findings: Findings) -> list[str]:
    answered: dict[str, float] = {}
    for each in accounts.opt_outs:
        # Somebody may press twice; the first answer is the promise.
        answered.setdefault(each.email, each.answered_at)
    late = [(email, at - answered[email]) for email, at in accounts.ended if email in answered]
    before = [-gap for _, gap in late if gap <= 0]
    findings.closest = min(before) if before else None
    # `ended` also names mails that the server then refused: a mail must not even have been offered to its end.
    return [f"{email} got the mail {gap:.3f} s after the answer to the objection" for email, gap in late if gap > 0]


def _ambiguity(accounts: Accounts, _taken: Counter[str], findings: Findings) -> list[str]:
    """A worker has one connection, so its death leaves one mail in doubt, however many it had claimed."""
    unknown = findings.states["unknown"]
    return [f"{unknown} unknown, but only {accounts.ambiguous} could be"] if unknown > accounts.ambiguous else []
