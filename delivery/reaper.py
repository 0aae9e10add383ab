"""Batches whose worker was lost while it handed them over: settled from its journal, as far as that can be trusted.

Never twice: a message becomes ready again only when a journal of this boot, whose worker is certainly gone, shows that
nothing of it was announced to a server, or that the server said no. All else is `unknown`, as without a journal.

Any number of processes may reap at the same time. The rows of a batch are locked before its journal is read, and every
change names the token: a settlement of the lost worker that the database still carries out comes either before, and
then there is nothing to reap, or after, and then it changes nothing.
"""

from collections import Counter
from dataclasses import dataclass

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.db import after_commit
from core.settings import settings
from delivery.backoff import Backoff
from delivery.claim import Claim
from delivery.handover_journal import NOTHING, forget, left_by, orphans
from delivery.lost_leases import count_not_begun
from delivery.models import Run
from delivery.recipients import About, recipients
from delivery.settle import settle
from delivery.smtp import NotAttempted, Outcome, Unknown
from templates import asks_again

log = structlog.get_logger()

_LOST = """
    SELECT token, run_id FROM message
    WHERE state = 'handing_over' AND (lease_until < clock_timestamp() OR token = ANY (CAST(:orphans AS bigint[])))
    ORDER BY lease_until LIMIT 1 FOR UPDATE SKIP LOCKED
"""

# All of the batch at once; what somebody else has locked just now is being settled, or comes next time.
_MESSAGES = """
    SELECT m.id, m.operator, d.basis, m.lease_until < clock_timestamp() AS over
    FROM message AS m JOIN decision AS d ON d.id = m.decision_id
    WHERE m.token = :token AND m.state = 'handing_over' ORDER BY m.id FOR UPDATE OF m SKIP LOCKED
"""

_OTHERS = "SELECT EXISTS (SELECT 1 FROM message WHERE token = :token AND state = 'handing_over')"


@dataclass(frozen=True)
class Reaped:
    """How many messages of a lost batch were settled, and of how many nobody knows what became of them."""

    found: int = 0
    unknown: int = 0


def reap(session: Session) -> Reaped:
    """Settle the lost batch that waits longest, if there is one.

    A journal of this home that nobody holds shows at once that its worker is gone; without one the lease has to run
    out. The journal goes once this is stored, unless some of its messages are still waited for.
    """
    lost = session.execute(text(_LOST), {"orphans": orphans()}).first()
    if lost is None:
        return Reaped()
    rows = session.execute(text(_MESSAGES), {"token": lost.token}).all()
    left = left_by(lost.token)
    bases: dict[int, str] = {row.id: row.basis for row in rows if row.over or left is not NOTHING}
    if not bases:
        return Reaped()
    claim = Claim(lost.run_id, lost.token, tuple(bases), {row.id: row.operator for row in rows})
    outcomes = {each: left.outcome(each) for each in bases}
    _settle(session, claim, outcomes, bases)
    count_not_begun(session, [each for each, outcome in outcomes.items() if isinstance(outcome, NotAttempted)])
    if left is not NOTHING and not session.scalar(text(_OTHERS), {"token": lost.token}):
        after_commit(session, lambda: forget(lost.token))
    kinds = Counter(type(outcome).__name__ for outcome in outcomes.values())
    log.warning("worker_lost", run=lost.run_id, journal=left is not NOTHING, **kinds)
    return Reaped(found=len(outcomes), unknown=kinds[Unknown.__name__])


def _settle(session: Session, claim: Claim, outcomes: dict[int, Outcome], bases: dict[int, str]) -> None:
    run = session.get_one(Run, claim.run_id)
    settle(
        session,
        claim=claim,
        matter=About(run_id=run.id, purpose=run.purpose, asks_again=asks_again(run.content)),
        recipients={each.message_id: each for each in recipients(session, message_ids=claim.message_ids)},
        outcomes=outcomes,
        bases=bases,
        backoff=Backoff(first=settings().retry_after),
    )
