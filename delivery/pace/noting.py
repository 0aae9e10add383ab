"""What came of a batch, as limits and brakes need it: counted, given back, and a rest for who wants less."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from delivery.claim import Claim, return_unused
from delivery.pace.models import ANY_TRANSPORT
from delivery.pace.operators import OTHER
from delivery.pace.pauses import Answers, Rest, after
from delivery.pace.signals import Signal, signal
from delivery.pace.single import move_to_its_own
from delivery.recipients import Recipient
from delivery.smtp import Accepted, Deferred, NotAttempted, Outcome

_ADDRESS = re.compile(r"[^\s<>\"':;,()\[\]]{1,64}@[^\s<>\"':;,()\[\]]{1,255}")
LONGEST_SAID = 300

_TOLD = frozenset({Signal.SLOWED, Signal.POLICY, Signal.PUT_OFF})

_COUNTED = ("accepted", "put_off", "slowed", "hard", "policy", "unknown")

_TALLY = f"""
    INSERT INTO tally (run_id, operator, {", ".join(_COUNTED)}, listed)
    SELECT :run, *, 0 FROM unnest(CAST(:operators AS smallint[]), {", ".join(f"CAST(:{n} AS int[])" for n in _COUNTED)})
"""  # noqa: S608 - names of ours


def note_answers(
    session: Session,
    *,
    claim: Claim,
    recipients: Mapping[int, Recipient],
    outcomes: Mapping[int, Outcome],
    first: float,
) -> None:
    """Count what came of the batch, give back what was reserved for mails that did not leave, and let operators rest.

    `first`: how many seconds the first rest takes.
    """
    found = _by_operator(claim, recipients, outcomes)
    if found:
        columns = {name: [getattr(answers, name) for answers in found.values()] for name in _COUNTED}
        session.execute(text(_TALLY), {"run": claim.run_id, "operators": list(found)} | columns)
    if claim.reserved is not None or claim.way_reserved is not None:
        return_unused(session, claim, [each for each, outcome in outcomes.items() if isinstance(outcome, NotAttempted)])
    # All small ones together are nobody whom a rest would help: it is for the domain that asked for it.
    single = found[OTHER].against_us or found[OTHER].put_off if OTHER in found else 0
    moved = _single(session, claim, recipients, outcomes) if single else {}
    changed = {one: found[one] for one in found if one and (found[one].want_less or one in claim.recovering)}
    if changed or moved:
        let_rest(session, claim.run_id, changed | moved, timedelta(seconds=first))


_LISTED = """
    INSERT INTO tally (run_id, operator, accepted, put_off, slowed, hard, policy, unknown, listed)
    SELECT m.run_id, m.operator, 0, 0, 0, 0, 0, 0, count(*)
    FROM decision AS d JOIN message AS m ON m.id = d.message_id
    WHERE d.batch_id = :batch AND d.verdict = 'block' AND d.reasons[1] IN ('robinson_listed', 'opted_out')
    GROUP BY m.run_id, m.operator
"""


def note_listed(session: Session, *, batch_id: int) -> None:
    """Count what the gate refused for a list or an opt-out that the plan did not know, by its batch of decisions."""
    session.execute(text(_LISTED), {"batch": batch_id})


def _by_operator(
    claim: Claim, recipients: Mapping[int, Recipient], outcomes: Mapping[int, Outcome]
) -> dict[int, Answers]:
    """What each operator answered, by its number. Nearly all mails are accepted: these are counted all at once."""
    accepted = Counter(map(claim.operators.get, [each for each in outcomes if type(outcomes[each]) is Accepted]))
    signals: dict[int, Counter[Signal]] = {}
    for number, many in accepted.items():
        signals.setdefault(number or OTHER, Counter())[Signal.ACCEPTED] += many
    told: dict[int, list[Outcome]] = {}
    for each, outcome in outcomes.items():
        if type(outcome) is Accepted or (what := signal(outcome, attempts=recipients[each].attempts)) is None:
            continue
        operator = claim.operators.get(each, OTHER)
        signals.setdefault(operator, Counter())[what] += 1
        if what in _TOLD:
            told.setdefault(operator, []).append(outcome)
    return {operator: _answers(signals[operator], told.get(operator, ())) for operator in sorted(signals)}


def _answers(counts: Counter[Signal], told: Iterable[Outcome]) -> Answers:
    words = Counter(f"{outcome.code or ''} {outcome.text}".strip() for outcome in told)
    said = _ADDRESS.sub("…", words.most_common(1)[0][0])[:LONGEST_SAID] if words else ""
    asked = max((outcome.after for outcome in told if isinstance(outcome, Deferred)), default=0)
    numbers = {what.value: many for what, many in counts.items()}
    return Answers(**numbers, asked=timedelta(seconds=asked), said=said)


def _single(
    session: Session, claim: Claim, recipients: Mapping[int, Recipient], outcomes: Mapping[int, Outcome]
) -> dict[int, Answers]:
    """The small domains that want less become operators of their own. Answers them with what they said."""
    by_domain: dict[str, dict[int, Outcome]] = {}
    for each, outcome in outcomes.items():
        address = recipients[each].address
        if address and claim.operators.get(each, OTHER) == OTHER:
            by_domain.setdefault(address.rpartition("@")[2].lower(), {})[each] = outcome
    found: dict[int, Answers] = {}
    for domain, ended in sorted(by_domain.items()):
        answers = _by_operator(claim, recipients, ended).get(OTHER, Answers())
        if not answers.want_less:
            continue
        operator = move_to_its_own(session, run_id=claim.run_id, domain=domain)
        if operator is not None:
            found[operator] = answers
    return found


_MAKE = """
    INSERT INTO pace (sender_id, operator)
    SELECT r.sender_id, o.number FROM run AS r, unnest(CAST(:operators AS smallint[])) AS o (number)
    WHERE r.id = :run ORDER BY o.number ON CONFLICT DO NOTHING
"""

_LOCK = f"""
    SELECT p.operator, p.pauses, p.paused_until, p.paused_text, clock_timestamp() AS now
    FROM pace AS p JOIN run AS r ON r.sender_id = p.sender_id
    WHERE r.id = :run AND p.transport_id = {ANY_TRANSPORT} AND p.operator = ANY (:operators)
    ORDER BY p.operator FOR UPDATE OF p
"""  # noqa: S608 - a number of ours

_STORE = f"""
    UPDATE pace AS p SET pauses = n.pauses, paused_until = n.until, paused_text = n.said
    FROM unnest(CAST(:operators AS smallint[]), CAST(:steps AS smallint[]), CAST(:untils AS timestamptz[]),
                CAST(:words AS text[])) AS n (operator, pauses, until, said), run AS r
    WHERE r.id = :run AND p.sender_id = r.sender_id AND p.transport_id = {ANY_TRANSPORT} AND p.operator = n.operator
"""  # noqa: S608 - a number of ours


def let_rest(session: Session, run_id: int, found: Mapping[int, Answers], first: timedelta) -> None:
    """Decide for each of these operators of the sender of a run, and write down what changed: all on the same rows."""
    keys: dict[str, Any] = {"run": run_id, "operators": sorted(found)}
    session.execute(text(_MAKE), keys)
    changed: dict[int, Rest] = {}
    for row in session.execute(text(_LOCK), keys).all():
        now: datetime = row.now
        before = Rest(row.pauses, row.paused_until, row.paused_text)
        later = after(found[row.operator], rest=before, now=now, first=first)
        if later != before:
            changed[row.operator] = later
    if changed:
        rests = list(changed.values())
        columns = {
            "steps": [rest.steps for rest in rests],
            "untils": [rest.until for rest in rests],
            "words": [rest.said for rest in rests],
        }
        session.execute(text(_STORE), {"run": run_id, "operators": list(changed)} | columns)
