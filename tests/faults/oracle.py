"""Compares the accounts after everything was over: mail server, ledger, objectors, and what the harness itself did.

Each promise is an invariant with a number and a name; a broken one is told as a sentence under that name.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlalchemy import text

from core.db import transaction
from core.evidence import verify
from suppression import journal, journal_lines
from tests.faults.company import Company
from tests.faults.doors import OptOut
from tests.smtp_sink import Delivery

ENDED = {"sent", "failed", "unknown", "held", "blocked", "cancelled", "resolved_sent", "resolved_unsent"}
LONGEST_PAUSE = 90.0

NAMES = {
    "I1": "nobody gets a mail twice",
    "I2": "no mail begins after the answer to an objection, nor to those who never agreed",
    "I3": "every message ends, and the sum is the audience",
    "I4": "sent is what the server took, and what it took is sent or unknown",
    "I5": "a decision stands behind every mail, and the chain of decisions verifies",
    "I6": "work goes on within 90 s",
    "I7": "nothing comes early, and no slot of the schedule twice",
    "I8": "leads are told at least once, under one key (tests/lead_handover/test_outbox.py)",
    "I9": "what was answered is stored",
    "I10": "unknown is only what nobody can know",
}


@dataclass
class Findings:
    """What was found: broken promises by invariant, and numbers worth reading."""

    states: Counter[str] = field(default_factory=Counter)
    taken: int = 0
    unknown_taken: int = 0
    closest: float | None = None
    silence: float = 0.0
    broken: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in NAMES})

    @property
    def sentences(self) -> list[str]:
        return [f"{name}: {each}" for name, found in self.broken.items() for each in found]


@dataclass(frozen=True)
class Accounts:
    """What everybody remembers, and who was to get mail in the first place."""

    company: Company
    deliveries: Sequence[Delivery]
    ended: Sequence[tuple[str, float]]
    opt_outs: Sequence[OptOut]
    ledger: Sequence[Any]
    # How many mails nobody can know about: hung up on after the final dot, or in the hands of a worker when it died.
    ambiguous: int
    # Who came back before the pause was over, by how many seconds.
    early: Sequence[tuple[str, float]] = ()
    # Answered objections of whom the database, or the journal beside it, knows nothing.
    not_stored: Sequence[str] = ()
    faults_of_chains: Sequence[str] = ()
    fired_twice: Sequence[str] = ()
    # When nobody was to send: somebody had paused the campaign, from and to.
    pauses: Sequence[tuple[float, float]] = ()


def read_ledger(run_id: int) -> Sequence[Any]:
    """Every message of the run: address, state, when it last passed the gate, and whether it was decided to be sent."""
    query = """
        SELECT e.value AS email, m.state::text AS state, m.attempts, m.leases_lost, m.reply_text,
               extract(epoch FROM m.handed_over_at) AS passed,
               EXISTS (SELECT 1 FROM decision AS d WHERE d.id = m.decision_id AND d.verdict = 'send') AS decided
        FROM message AS m JOIN endpoint AS e ON e.address_id = m.address_id AND e.channel = 'email'
        WHERE m.run_id = :run
    """
    with transaction() as session:
        return session.execute(text(query), {"run": run_id}).all()


def not_stored(opt_outs: Sequence[OptOut]) -> list[str]:
    """Answered objections that are not in the database or not in the journal."""
    query = """
        SELECT e.value, encode(a.key, 'hex') AS key, s.address_id IS NOT NULL AS stored
        FROM endpoint AS e JOIN address AS a ON a.id = e.address_id
        LEFT JOIN (SELECT DISTINCT address_id FROM suppression_entry
                   WHERE cause IN ('opted_out', 'internal_block')) AS s ON s.address_id = e.address_id
        WHERE e.channel = 'email' AND e.value = ANY (:emails)
    """
    with transaction() as session:
        known = {row.value: row for row in session.execute(text(query), {"emails": [one.email for one in opt_outs]})}
    lines = {line.key for line in journal.read() if isinstance(line, journal_lines.Line)}
    broken = []
    for one in opt_outs:
        row = known.get(one.email)
        if row is None or not row.stored:
            broken.append(f"{one.email} got an answer at the door '{one.door}', but no entry stands against mail")
        elif row.key not in lines:
            broken.append(f"{one.email} got an answer at the door '{one.door}', but the journal does not know it")
    return broken


def faults_of_chains() -> list[str]:
    with transaction() as session:
        return [str(found) for found in verify(session)]


def fired_twice() -> list[str]:
    """Slots that are in the table twice would break its key; what is left to look at is who came before its time."""
    query = """
        SELECT job, slot FROM firing GROUP BY job, slot HAVING count(*) > 1
        UNION ALL SELECT 'campaign ' || c.name, count(*) FROM campaign AS c JOIN run AS r ON r.name = c.name
        WHERE r.kind = 'campaign' GROUP BY c.name HAVING count(*) > 1
    """
    with transaction() as session:
        return [f"{row.job}: {row.slot}" for row in session.execute(text(query))]


def compare(accounts: Accounts) -> Findings:
    """Check every promise."""
    findings = Findings(states=Counter(row.state for row in accounts.ledger))
    taken = Counter(each.recipient for each in accounts.deliveries if each.taken)
    findings.taken = sum(taken.values())
    for name, check in CHECKS:
        findings.broken[name] += check(accounts, taken, findings)
    return findings


def _nobody_twice(_accounts: Accounts, taken: Counter[str], _findings: Findings) -> list[str]:
    return [f"{email} got the mail {times} times" for email, times in taken.items() if times > 1]


def _only_the_cleared(accounts: Accounts, taken: Counter[str], _findings: Findings) -> list[str]:
    wrong = set(taken) - accounts.company.cleared
    return [f"{email} got the mail without being cleared" for email in sorted(wrong)]


def _objections(accounts: Accounts, _taken: Counter[str], findings: Findings) -> list[str]:
    answered = _first(accounts.opt_outs, final=True)
    late = [(email, at - answered[email]) for email, at in accounts.ended if email in answered]
    before = [-gap for _, gap in late if gap <= 0]
    findings.closest = min(before) if before else None
    # `ended` also names mails that the server then refused: a mail must not even have been offered to its end.
    return [f"{email} got the mail {gap:.3f} s after the answer to the objection" for email, gap in late if gap > 0]


def _gate(accounts: Accounts, _taken: Counter[str], _findings: Findings) -> list[str]:
    """Whatever the door: nothing passes the gate once an objection is stored."""
    answered = _first(accounts.opt_outs, final=False) | _first(accounts.opt_outs, final=True)
    late = [
        (row.email, float(row.passed) - answered[row.email])
        for row in accounts.ledger
        if row.passed is not None and row.email in answered
    ]
    return [f"{email} passed the gate {gap:.3f} s after the objection was stored" for email, gap in late if gap > 0]


def _first(opt_outs: Sequence[OptOut], *, final: bool) -> Mapping[str, float]:
    """Somebody may press twice; the first answer is the promise."""
    answered: dict[str, float] = {}
    for each in opt_outs:
        if each.final is final:
            answered[each.email] = min(each.answered_at, answered.get(each.email, each.answered_at))
    return answered


def _sums(accounts: Accounts, _taken: Counter[str], findings: Findings) -> list[str]:
    everybody = accounts.company.cleared | accounts.company.refused
    broken = []
    if {row.email for row in accounts.ledger} != everybody or len(accounts.ledger) != len(everybody):
        broken.append(f"{len(accounts.ledger)} messages for an audience of {len(everybody)}")
    under_way = {state: count for state, count in findings.states.items() if state not in ENDED}
    if under_way:
        broken.append(f"the run is over, but these are not: {under_way}")
    return broken


def _ledger_agrees(accounts: Accounts, taken: Counter[str], findings: Findings) -> list[str]:
    broken = []
    # Who unsubscribes from a mail has it, so that ends the doubt. These people press buttons of mails that never came.
    pressed = {each.email for each in accounts.opt_outs}
    for row in accounts.ledger:
        known = row.state == "sent" or (row.state == "resolved_sent" and row.email not in pressed)
        if known and not taken[row.email]:
            broken.append(f"{row.email} stands as {row.state}, but the server never took it")
        if row.state not in {"sent", "unknown", "resolved_sent"} and taken[row.email]:
            broken.append(f"{row.email} stands as {row.state}, but the server took it")
        findings.unknown_taken += row.state == "unknown" and taken[row.email] > 0
    return broken


def _decided(accounts: Accounts, _taken: Counter[str], _findings: Findings) -> list[str]:
    gone = {"sent", "unknown", "resolved_sent"}
    return [
        f"{row.email} was sent without a decision" for row in accounts.ledger if row.state in gone and not row.decided
    ] + list(accounts.faults_of_chains)


def _goes_on(accounts: Accounts, _taken: Counter[str], findings: Findings) -> list[str]:
    """The longest time without a mail, as long as there were any to send and nobody had paused the campaign."""
    moments = sorted([at for _, at in accounts.ended] + [end for _, end in accounts.pauses])
    findings.silence = max((after - before for before, after in pairwise(moments)), default=0.0)
    too_long = findings.silence > LONGEST_PAUSE
    return [f"nothing was sent for {findings.silence:.0f} s although there was mail to send"] if too_long else []


def _not_early(accounts: Accounts, _taken: Counter[str], _findings: Findings) -> list[str]:
    early = [f"{email} was put off and came back {by:.2f} s too early" for email, by in accounts.early]
    return early + [f"{what} fired twice" for what in accounts.fired_twice]


def _stored(accounts: Accounts, _taken: Counter[str], _findings: Findings) -> list[str]:
    return list(accounts.not_stored)


def _ambiguity(accounts: Accounts, _taken: Counter[str], findings: Findings) -> list[str]:
    """A worker's death leaves one mail in doubt on each of its connections, however many it had claimed."""
    unknown = findings.states["unknown"]
    return [f"{unknown} unknown, but only {accounts.ambiguous} could be"] if unknown > accounts.ambiguous else []


Check = Callable[[Accounts, Counter[str], Findings], list[str]]
CHECKS: tuple[tuple[str, Check], ...] = (
    ("I1", _nobody_twice),
    ("I2", _only_the_cleared),
    ("I2", _objections),
    ("I2", _gate),
    ("I3", _sums),
    ("I4", _ledger_agrees),
    ("I5", _decided),
    ("I6", _goes_on),
    ("I7", _not_early),
    ("I9", _stored),
    ("I10", _ambiguity),
)
