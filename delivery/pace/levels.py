"""What is left of a limit: refilled by time, taken from, given back. Pure.

A rate per second is a token bucket: in any stretch of time no more leaves than what fits into the bucket at once, plus
the rate times the stretch. Hours and days are those of the clock, so that they compare with what people see.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from delivery.pace.limits import Limit

NEVER = float("inf")


@dataclass(frozen=True)
class Level:
    """What is left. `at` is when it was last counted; without it nothing was ever taken."""

    tokens: float | None = None
    at: datetime | None = None
    hour_used: int = 0
    day_used: int = 0


def refilled(level: Level, *, limit: Limit, now: datetime) -> Level:
    """The level at this moment. Time never runs backwards: an older moment changes nothing."""
    if level.at is None:
        return Level(tokens=limit.capacity, at=now)
    now = max(now, level.at)
    tokens = limit.capacity if level.tokens is None else level.tokens
    tokens = min(limit.capacity, tokens + (now - level.at).total_seconds() * (limit.per_second or 0))
    same_hour = now.replace(minute=0, second=0, microsecond=0) <= level.at
    return Level(
        tokens=tokens,
        at=now,
        hour_used=level.hour_used if same_hour else 0,
        day_used=level.day_used if now.date() == level.at.date() else 0,
    )


def room(level: Level, *, limit: Limit) -> int | None:
    """How many may leave now, of a level that is refilled; None when nothing limits them."""
    rooms = []
    if limit.per_second is not None:
        # A hair more, because a third and two thirds of a mail are one.
        rooms.append(int((level.tokens or 0) + 1e-6))
    if limit.per_hour is not None:
        rooms.append(limit.per_hour - level.hour_used)
    if limit.per_day is not None:
        rooms.append(limit.per_day - level.day_used)
    return max(0, min(rooms)) if rooms else None


def spent(level: Level, *, limit: Limit, many: int) -> Level:
    """After so many left, of a level that is refilled; a negative number gives back what was not used."""
    tokens = min(limit.capacity, (level.tokens or 0) - many)
    return replace(
        level,
        tokens=tokens if limit.per_second is not None else None,
        hour_used=max(0, level.hour_used + many),
        day_used=max(0, level.day_used + many),
    )


def wait(level: Level, *, limit: Limit, now: datetime, many: float = 1) -> float:
    """In how many seconds so many may leave, of a level that is refilled; 0 when they may now."""
    waits = [0.0]
    if limit.per_second is not None:
        waits.append((min(many, limit.capacity) - (level.tokens or 0)) / limit.per_second)
    if limit.per_hour is not None and level.hour_used >= limit.per_hour:
        hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        waits.append((hour - now).total_seconds())
    if limit.per_day is not None and level.day_used >= limit.per_day:
        day = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        waits.append((day - now).total_seconds())
    return max(waits)
