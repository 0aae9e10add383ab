"""What became of a batch, written down at once: states, next tries, exposure counts, bounces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from core import clock
from core.db import bigints, texts
from delivery.backoff import Backoff
from delivery.claim import STILL_HANDING_OVER, Claim
from delivery.pace.noting import note_answers
from delivery.recipients import About, Recipient
from delivery.refusals import note_refusals
from delivery.smtp import Accepted, Deferred, NotAttempted, Outcome, Refused
from delivery.states import MessageState
from suppression import Basis
from tracking import Departures, record_departures

# How a mail that asks people to confirm their consent anew is counted: for caps, and not for the clock.
ASKED_AGAIN = "asked_again"


@dataclass(frozen=True)
class Settlement:
    """Where a message goes from `handing_over`, and when it may be tried again."""

    message_id: int
    state: MessageState
    attempts: int
    wait: timedelta | None
    code: int | None
    text: str


def settlement(*, message_id: int, outcome: Outcome, attempts: int, backoff: Backoff) -> Settlement:
    """What an outcome other than acceptance means after so many attempts. Pure, except for the jitter of the pause.

    Only what is certainly not accepted becomes ready again.
    """
    tried = attempts + 1
    said = (outcome.code, outcome.text)
    match outcome:
        case NotAttempted():
            return Settlement(message_id, MessageState.READY, attempts, timedelta(), *said)
        case Deferred():
            pause = backoff.delay(tried)
            if pause is not None:
                pause = max(pause, timedelta(seconds=outcome.after))
            state = MessageState.FAILED if pause is None else MessageState.READY
            return Settlement(message_id, state, tried, pause, *said)
        case Refused():
            return Settlement(message_id, MessageState.FAILED, tried, None, *said)
        case _:
            return Settlement(message_id, MessageState.UNKNOWN, tried, None, *said)


_SETTLE = f"""
    UPDATE message AS m
    SET state = o.state::message_state, attempts = o.attempts, reply_code = o.code, reply_text = o.text,
        token = CASE o.state WHEN 'unknown' THEN m.token END, lease_until = NULL,
        not_before = CASE WHEN o.wait > interval '0' THEN clock_timestamp() + o.wait ELSE m.not_before END,
        done_at = CASE o.state WHEN 'ready' THEN NULL ELSE clock_timestamp() END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:attempts AS smallint[]),
                CAST(:waits AS interval[]), CAST(:codes AS smallint[]), CAST(:texts AS text[]))
         AS o (id, state, attempts, wait, code, text)
    WHERE m.id = o.id AND {STILL_HANDING_OVER}
    RETURNING m.id
"""  # noqa: S608 - a condition of ours

# The short way of what was accepted, which is nearly everything.
_ARRIVED = f"""
    UPDATE message AS m
    SET state = 'sent', attempts = m.attempts + 1, reply_code = o.code, reply_text = o.text, token = NULL,
        lease_until = NULL, done_at = clock_timestamp()
    FROM unnest(CAST(:ids AS bigint[]), CAST(:codes AS smallint[]), CAST(:texts AS text[])) AS o (id, code, text)
    WHERE m.id = o.id AND {STILL_HANDING_OVER}
    RETURNING m.id
"""  # noqa: S608 - a condition of ours

# The reaper had given it up already, but we are alive and do know that it arrived.
_LATE = """
    UPDATE message SET state = 'resolved_sent', token = NULL, done_at = clock_timestamp()
    WHERE id = ANY (:ids) AND token = :token AND state = 'unknown' RETURNING id
"""

_ERASE = """
    DELETE FROM message_value AS v USING message AS m
    WHERE v.message_id = m.id AND m.id = ANY (:ids)
      AND m.state IN ('sent', 'failed', 'blocked', 'cancelled', 'resolved_sent', 'resolved_unsent')
"""


def settle(
    session: Session,
    *,
    claim: Claim,
    matter: About,
    recipients: Mapping[int, Recipient],
    outcomes: Mapping[int, Outcome],
    bases: Mapping[int, str],
    backoff: Backoff,
) -> int:
    """Write the outcomes down, guarded by the token of the claim. Answers how many were still ours to settle.

    The commit is waited for, once for each batch: afterwards the journal goes, and a database that crashes and forgot
    what it had not written yet would turn `sent` into `unknown`.
    """
    accepted = {each: outcome for each, outcome in outcomes.items() if isinstance(outcome, Accepted)}
    others = [
        settlement(message_id=each, outcome=outcome, attempts=recipients[each].attempts, backoff=backoff)
        for each, outcome in outcomes.items()
        if each not in accepted
    ]
    ours = _store_accepted(session, claim, accepted) | _store(session, claim, others)
    came = {each: outcomes[each] for each in outcomes if each in ours}
    _note(session, matter, recipients, came, bases)
    if failed := {each.message_id for each in others if each.state is MessageState.FAILED} & ours:
        note_refusals(session, matter=matter, recipients=recipients, ended={each: came[each] for each in failed})
    if any(recipients[each].values for each in ours) or matter.is_answer:
        session.execute(text(_ERASE), {"ids": sorted(ours)})
    note_answers(session, claim=claim, recipients=recipients, outcomes=came, first=backoff.first)
    return len(ours)


def _store_accepted(session: Session, claim: Claim, accepted: Mapping[int, Outcome]) -> set[int]:
    if not accepted:
        return set()
    values: dict[str, Any] = {
        "ids": bigints(accepted),
        "codes": bigints(outcome.code for outcome in accepted.values()),
        "texts": texts(outcome.text for outcome in accepted.values()),
        "token": claim.token,
    }
    ours = set(session.scalars(text(_ARRIVED), values))
    if lost := accepted.keys() - ours:
        ours |= set(session.scalars(text(_LATE), {"ids": sorted(lost), "token": claim.token}))
    return ours


def _store(session: Session, claim: Claim, settled: Sequence[Settlement]) -> set[int]:
    if not settled:
        return set()
    values: dict[str, Any] = {
        "ids": [each.message_id for each in settled],
        "states": [each.state.value for each in settled],
        "attempts": [each.attempts for each in settled],
        "waits": [each.wait for each in settled],
        "codes": [each.code for each in settled],
        "texts": [each.text for each in settled],
        "token": claim.token,
    }
    return set(session.scalars(text(_SETTLE), values))


def _note(
    session: Session,
    matter: About,
    recipients: Mapping[int, Recipient],
    outcomes: Mapping[int, Outcome],
    bases: Mapping[int, str],
) -> None:
    """Tell the ledger and the suppression list what the outcomes mean for them."""
    now = clock.now()
    for basis, sent in sorted(_by_basis(outcomes, bases).items()):
        record_departures(
            session, _departures(matter, basis, {each: recipients[each].address_id for each in sent}, now)
        )


def _by_basis(outcomes: Mapping[int, Outcome], bases: Mapping[int, str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for each, outcome in outcomes.items():
        if isinstance(outcome, Accepted):
            found.setdefault(bases[each], []).append(each)
    return found


def _departures(matter: About, basis: str, messages: Mapping[int, int], at: datetime) -> Departures:
    # The question whether somebody stays is no use of the consent: its clock must not start anew by being asked.
    if matter.asks_again and basis == Basis.CONSENT:
        basis = ASKED_AGAIN
    return Departures(
        run_id=matter.run_id, channel="email", purpose=matter.purpose, basis=basis, at=at, messages=messages
    )
