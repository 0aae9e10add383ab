"""Taking work from the ledger: a batch of one run, marked with a token that nobody can guess, for a limited time."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from delivery.lost_leases import COMPANY
from delivery.pace.due import Due, due
from delivery.pace.limits import Limit
from delivery.pace.reserving import Reservation, give_back_reserved, reserve, reserve_way
from delivery.pace.shares import Lane, shares

LEASE = timedelta(seconds=60)
TOKEN_BITS = 62

# What a step of a batch may change, as a condition on `message AS m`. PostgreSQL believes of a ledger that nothing is
# claimed in it: it would begin with what is, and read the whole batch again for each of these messages. Of what stands
# in `coalesce` it believes nothing, and looks up the ids.
STILL_CLAIMED = "coalesce(m.token = :token AND m.state = 'claimed', false)"
STILL_HANDING_OVER = "coalesce(m.token = :token AND m.state = 'handing_over', false)"


@dataclass(frozen=True)
class Claim:
    """Messages that are ours until the lease runs out. Every later step names the token: a late one changes nothing.

    `operators` says who runs the mailbox of each; what was `reserved` for them is given back when it is not used. To
    those in `recovering` mail goes again after a pause.
    """

    run_id: int
    token: int
    message_ids: tuple[int, ...]
    operators: Mapping[int, int] = field(default_factory=dict)
    reserved: Reservation | None = None
    recovering: frozenset[int] = frozenset()
    way_reserved: Reservation | None = None


@dataclass(frozen=True)
class Wait:
    """Something is due, and a limit keeps it back for so many seconds."""

    seconds: float


_CLAIM = """
    WITH next AS MATERIALIZED (
        SELECT m.id FROM unnest(CAST(:zones AS smallint[]), CAST(:operators AS smallint[]), CAST(:shares AS int[]))
                         AS lane (zone, operator, share)
        CROSS JOIN LATERAL (
            SELECT id FROM message
            WHERE run_id = :run AND state = 'ready' AND zone = lane.zone AND operator = lane.operator
              AND not_before <= clock_timestamp() AND leases_lost <= :lost
            ORDER BY not_before, id LIMIT lane.share FOR UPDATE SKIP LOCKED
        ) AS m
        LIMIT :most
    )
    UPDATE message AS m SET state = 'claimed', token = :token, lease_until = clock_timestamp() + :lease
    WHERE m.id = ANY (ARRAY(SELECT id FROM next)) RETURNING m.id, m.operator
"""

_GIVE_BACK = f"""
    UPDATE message AS m
    SET state = 'ready', token = NULL, lease_until = NULL,
        not_before = CASE WHEN :put_off THEN clock_timestamp() + :delay ELSE not_before END,
        reply_text = CASE WHEN :put_off THEN :why ELSE reply_text END
    WHERE id = ANY (:ids) AND {STILL_CLAIMED} RETURNING id
"""  # noqa: S608 - a condition of ours


def claim(
    session: Session,
    *,
    most: int,
    after: int = 0,
    away: frozenset[int] = frozenset(),
    doubtful: frozenset[int] = frozenset(),
) -> Claim | None:
    """Take up to `most` due messages of one open run, or None when nothing may leave now. See `claim_or_wait`."""
    found = claim_or_wait(session, most=most, after=after, away=away, doubtful=doubtful)
    return found if isinstance(found, Claim) else None


def claim_or_wait(
    session: Session,
    *,
    most: int,
    after: int = 0,
    away: frozenset[int] = frozenset(),
    doubtful: frozenset[int] = frozenset(),
) -> Claim | Wait | None:
    """Take up to `most` due messages of one open run; None when nothing is due, or how long a limit keeps it back.

    `after` is the run that was served last; senders in `away` have a server that does not answer just now, and for
    those in `doubtful` one message finds out whether it does. A lost commit only leaves the messages ready, so it need
    not be waited for.
    """
    session.execute(text("SET LOCAL synchronous_commit = off"))
    soonest: Wait | None = None
    for run in due(session, after=after, away=away):
        found = _serve(session, run, most=1 if run.sender_id in doubtful else most)
        if isinstance(found, Claim):
            return found
        if found is not None and (soonest is None or found.seconds < soonest.seconds):
            soonest = found
    return soonest


def _serve(session: Session, run: Due, *, most: int) -> Claim | Wait | None:
    """Take from one run what its limits allow. Locks that served nothing go: nobody waits in a circle."""
    if not run.is_limited:
        return _take(session, run, most=most, room={})
    with session.begin_nested() as attempt:
        allowed = reserve(session, run, most=most)
        taken = _take(session, run, most=allowed.most, room=allowed.room) if allowed.most else None
        if taken is None:
            attempt.rollback()
            return Wait(allowed.seconds) if allowed.seconds else None
        reservation = allowed.use(session, taken.operators.values())
        return Claim(run.run_id, taken.token, taken.message_ids, taken.operators, reservation, taken.recovering)


def _take(session: Session, run: Due, *, most: int, room: Mapping[int, int]) -> Claim | None:
    token = secrets.randbits(TOKEN_BITS)
    lanes = [lane for lane in run.lanes if room.get(lane.operator, 1) > 0]
    for lost, together in COMPANY.items():
        many = min(most, together or most)
        parts = shares(lanes, most=many, room=room)
        values = {"run": run.run_id, "token": token, "lease": LEASE, "lost": lost, "most": many}
        rows = session.execute(text(_CLAIM), values | _columns(parts)).all() if parts else []
        if rows:
            operators = dict(sorted(map(tuple, rows)))
            return Claim(run.run_id, token, tuple(operators), operators, None, run.recovering)
    return None


def _columns(parts: Mapping[Lane, int]) -> dict[str, list[int]]:
    return {
        "zones": [lane.zone for lane in parts],
        "operators": [lane.operator for lane in parts],
        "shares": list(parts.values()),
    }


def return_unused(session: Session, claim: Claim, message_ids: Iterable[int]) -> None:
    """Give back what was reserved for messages that did not leave."""
    unused = [claim.operators[each] for each in message_ids if each in claim.operators]
    # Always the way first: whoever locks both does it in this order.
    for reservation in (claim.way_reserved, claim.reserved):
        if reservation is not None and unused:
            give_back_reserved(session, reservation, unused)


def keep_to_way(session: Session, claim: Claim, *, sender_id: int, transport_id: int, limit: Limit) -> Claim | float:
    """As many of the claim as the limit of its way lets through; the others are ready again.

    When it is none of them, in how many seconds one more may leave that way.
    """
    reserved, many, seconds = reserve_way(
        session, sender_id=sender_id, transport_id=transport_id, limit=limit, most=len(claim.message_ids)
    )
    if many < len(claim.message_ids):
        give_back(session, replace(claim, message_ids=claim.message_ids[many:]))
    return replace(claim, message_ids=claim.message_ids[:many], way_reserved=reserved) if many else seconds


def give_back(session: Session, claim: Claim, *, why: str = "", delay: timedelta = timedelta()) -> int:
    """Make claimed messages ready again, at once or after `delay`, which keeps the reason.

    It costs no attempt: nothing was announced, and a long outage must not use up what greylisting needs afterwards.
    """
    given = session.scalars(
        text(_GIVE_BACK),
        {
            "put_off": bool(delay),
            "delay": delay,
            "why": why,
            "ids": list(claim.message_ids),
            "token": claim.token,
        },
    ).all()
    return_unused(session, claim, given)
    return len(given)
