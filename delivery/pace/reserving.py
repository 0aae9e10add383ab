"""Taking from limits before mail leaves: for all workers together, durable, and given back when it was not used."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from delivery.pace.due import Due
from delivery.pace.levels import Level, refilled, room, spent, wait
from delivery.pace.limits import Limit
from delivery.pace.models import ALL_OPERATORS, ANY_TRANSPORT

# Asked again after this part of a second's worth has come together, so that batches do not become single mails.
A_LITTLE = 0.25


@dataclass(frozen=True)
class Reservation:
    """What a batch used up: the sender, the way, and the limit that counted for each operator."""

    sender_id: int
    limits: Mapping[int, Limit]
    transport_id: int = ANY_TRANSPORT


@dataclass(frozen=True)
class Allowed:
    """How many may leave in all and to each limited operator; `seconds` until more may, when it is none."""

    reservation: Reservation
    levels: Mapping[int, Level]
    most: int
    room: Mapping[int, int]
    seconds: float

    def use(self, session: Session, operators: Iterable[int]) -> Reservation:
        """Write down what was taken: one number of an operator for each message."""
        taken = Counter(operators)
        taken[ALL_OPERATORS] = taken.total()
        levels = {
            operator: spent(self.levels[operator], limit=limit, many=taken[operator])
            for operator, limit in self.reservation.limits.items()
        }
        _store(session, self.reservation, levels)
        return self.reservation


def reserve(session: Session, run: Due, *, most: int) -> Allowed:
    """Lock the limits that count for a run and answer what they allow. All of them in one order, by operator."""
    limits = _limits(run)
    reservation = Reservation(run.sender_id, limits)
    levels, now = _lock(session, reservation)
    levels = {operator: refilled(levels[operator], limit=limit, now=now) for operator, limit in limits.items()}
    rooms = {operator: room(levels[operator], limit=limit) for operator, limit in limits.items()}
    whole = rooms.pop(ALL_OPERATORS, None)
    left = {
        operator: min(many if many is not None else most, ceil(most * (limits[operator].share or 1)))
        for operator, many in rooms.items()
    }
    open_to = [left.get(lane.operator, most) for lane in run.lanes]
    allowed = min(most, whole if whole is not None else most) if any(open_to) else 0
    return Allowed(reservation, levels, allowed, left, 0 if allowed else _seconds(limits, levels, run, now))


def _limits(run: Due) -> dict[int, Limit]:
    """What must be counted, by operator. Answers to single people mind the rate of the sender, and no more."""
    day = run.now.date()
    whole = run.limits.of(None, day=day)
    if run.urgent:
        return {ALL_OPERATORS: Limit(per_second=whole.per_second, burst=whole.burst)}
    named = {lane.operator: run.limits.of(run.codes[lane.operator], day=day) for lane in run.lanes}
    counted = {operator: limit for operator, limit in sorted(named.items()) if not limit.is_open or limit.share}
    return {ALL_OPERATORS: whole} | counted


def _seconds(limits: Mapping[int, Limit], levels: Mapping[int, Level], run: Due, now: datetime) -> float:
    """Until the sender as a whole and one of its operators may send again."""

    def until(operator: int) -> float:
        if operator not in limits:
            return 0.0
        limit = limits[operator]
        return wait(levels[operator], limit=limit, now=now, many=max(1.0, (limit.per_second or 0) * A_LITTLE))

    return max(until(ALL_OPERATORS), min(until(lane.operator) for lane in run.lanes))


_KEYS = "sender_id = :sender AND transport_id = :transport AND operator = ANY (:operators)"

_LOCK = f"""
    SELECT operator, tokens, counted_at, hour_used, day_used FROM pace WHERE {_KEYS} ORDER BY operator FOR UPDATE
"""  # noqa: S608 - names of ours

_MAKE = """
    INSERT INTO pace (sender_id, transport_id, operator)
    SELECT :sender, :transport, operator FROM unnest(CAST(:operators AS smallint[])) AS o (operator) ORDER BY operator
    ON CONFLICT DO NOTHING
"""


def _lock(session: Session, reservation: Reservation) -> tuple[dict[int, Level], datetime]:
    """The rows of these limits, ours until the transaction ends, and what time it is once they are."""
    keys = _keys(reservation)
    rows = session.execute(text(_LOCK), keys).all()
    if len(rows) < len(reservation.limits):
        session.execute(text(_MAKE), keys)
        rows = session.execute(text(_LOCK), keys).all()
    now: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return {row.operator: Level(row.tokens, row.counted_at, row.hour_used, row.day_used) for row in rows}, now


_STORE = """
    UPDATE pace AS p SET tokens = n.tokens, counted_at = n.at, hour_used = n.hour_used, day_used = n.day_used
    FROM unnest(CAST(:operators AS smallint[]), CAST(:tokens AS float8[]), CAST(:moments AS timestamptz[]),
                CAST(:hours AS int[]), CAST(:days AS int[])) AS n (operator, tokens, at, hour_used, day_used)
    WHERE p.sender_id = :sender AND p.transport_id = :transport AND p.operator = n.operator
"""


def _store(session: Session, reservation: Reservation, levels: Mapping[int, Level]) -> None:
    found = [levels[operator] for operator in sorted(levels)]
    columns = {
        "tokens": [level.tokens for level in found],
        "moments": [level.at for level in found],
        "hours": [level.hour_used for level in found],
        "days": [level.day_used for level in found],
    }
    session.execute(text(_STORE), _keys(reservation) | columns)


def _keys(reservation: Reservation) -> dict[str, Any]:
    return {
        "sender": reservation.sender_id,
        "transport": reservation.transport_id,
        "operators": sorted(reservation.limits),
    }


def reserve_way(
    session: Session, *, sender_id: int, transport_id: int, limit: Limit, most: int
) -> tuple[Reservation, int, float]:
    """Take up to `most` from the limit of one way out: what was taken, how many, and for how many seconds none may."""
    reservation = Reservation(sender_id, {ALL_OPERATORS: limit}, transport_id)
    levels, now = _lock(session, reservation)
    level = refilled(levels[ALL_OPERATORS], limit=limit, now=now)
    left = room(level, limit=limit)
    many = most if left is None else min(most, left)
    if many:
        _store(session, reservation, {ALL_OPERATORS: spent(level, limit=limit, many=many)})
    return reservation, many, 0 if many else wait(level, limit=limit, now=now)


def give_back_reserved(session: Session, reservation: Reservation, operators: Iterable[int]) -> None:
    """What was reserved for these messages, one number of an operator each, may be used by others."""
    unused = Counter(operators)
    unused[ALL_OPERATORS] = unused.total()
    levels, now = _lock(session, reservation)
    _store(
        session,
        reservation,
        {
            operator: spent(refilled(levels[operator], limit=limit, now=now), limit=limit, many=-unused[operator])
            for operator, limit in reservation.limits.items()
        },
    )
