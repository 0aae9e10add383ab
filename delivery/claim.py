"""Taking work from the ledger: a batch of one run, marked with a token that nobody can guess, for a limited time."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from delivery.lost_leases import COMPANY

LEASE = timedelta(seconds=60)
TOKEN_BITS = 62


@dataclass(frozen=True)
class Claim:
    """Messages that are ours until the lease runs out. Every later step names the token: a late one changes nothing."""

    run_id: int
    token: int
    message_ids: tuple[int, ...]


# Answers to people go first; among campaigns the one after the last served comes next.
_DUE = """
    SELECT r.id, r.sender_id, r.kind = 'transactional' AS urgent
    FROM run AS r
    WHERE r.state = 'open' AND r.sender_id <> ALL (:away) AND EXISTS (
        SELECT 1 FROM message AS m
        WHERE m.run_id = r.id AND m.state = 'ready' AND m.not_before <= clock_timestamp()
    )
    ORDER BY urgent DESC, r.id <= :after, r.id
"""

_CLAIM = """
    WITH next AS MATERIALIZED (
        SELECT id FROM message
        WHERE run_id = :run AND state = 'ready' AND not_before <= clock_timestamp() AND leases_lost <= :lost
        ORDER BY not_before, id LIMIT :most FOR UPDATE SKIP LOCKED
    )
    UPDATE message AS m SET state = 'claimed', token = :token, lease_until = clock_timestamp() + :lease
    FROM next WHERE m.id = next.id RETURNING m.id
"""


def claim(
    session: Session,
    *,
    most: int,
    after: int = 0,
    away: frozenset[int] = frozenset(),
    doubtful: frozenset[int] = frozenset(),
) -> Claim | None:
    """Take up to `most` due messages of one open run, or None when nothing is due.

    `after` is the run that was served last; senders in `away` have a server that does not answer just now, and for
    those in `doubtful` one message finds out whether it does. A lost commit only leaves the messages ready, so it need
    not be waited for.
    """
    session.execute(text("SET LOCAL synchronous_commit = off"))
    for run in session.execute(text(_DUE), {"away": sorted(away), "after": after}).all():
        allowed = reserve(session, sender_id=run.sender_id, most=1 if run.sender_id in doubtful else most)
        if not allowed:
            continue
        taken = _take(session, run_id=run.id, most=allowed)
        if taken is not None:
            return taken
    return None


def _take(session: Session, *, run_id: int, most: int) -> Claim | None:
    token = secrets.randbits(TOKEN_BITS)
    values = {"run": run_id, "token": token, "lease": LEASE}
    for lost, together in COMPANY.items():
        limits = {"lost": lost, "most": min(most, together or most)}
        if taken := tuple(sorted(session.scalars(text(_CLAIM), values | limits))):
            return Claim(run_id=run_id, token=token, message_ids=taken)
    return None


_RESERVE = """
    UPDATE sender
    SET paced_until = greatest(paced_until, clock_timestamp()) + :share / most_per_second * interval '1 second'
    WHERE id = :sender AND most_per_second IS NOT NULL
"""


def reserve(session: Session, *, sender_id: int, most: int) -> int:
    """How many mails of this sender may leave now, at most a second's worth; the share is used up by asking.

    All workers ask on the same row, so the limit holds for the installation, however many there are.
    """
    limit = session.execute(
        text(
            "SELECT most_per_second, coalesce(paced_until, '-infinity') > clock_timestamp() AS waiting"
            " FROM sender WHERE id = :sender FOR UPDATE"
        ),
        {"sender": sender_id},
    ).one()
    if limit.most_per_second is None:
        return most
    if limit.waiting:
        return 0
    share = min(most, limit.most_per_second)
    session.execute(text(_RESERVE), {"sender": sender_id, "share": float(share)})
    return int(share)


def give_back(session: Session, claim: Claim, *, why: str = "", delay: timedelta = timedelta()) -> int:
    """Make claimed messages ready again, at once or after `delay`, which keeps the reason.

    It costs no attempt: nothing was announced, and a long outage must not use up what greylisting needs afterwards.
    """
    given = session.execute(
        text(
            "UPDATE message SET state = 'ready', token = NULL, lease_until = NULL,"
            " not_before = CASE WHEN :put_off THEN clock_timestamp() + :delay ELSE not_before END,"
            " reply_text = CASE WHEN :put_off THEN :why ELSE reply_text END"
            " WHERE id = ANY (:ids) AND token = :token AND state = 'claimed'"
        ),
        {
            "put_off": bool(delay),
            "delay": delay,
            "why": why,
            "ids": list(claim.message_ids),
            "token": claim.token,
        },
    )
    return int(given.rowcount)  # type: ignore[attr-defined]
