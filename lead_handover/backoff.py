"""When to try again, and when to stop trying."""

from datetime import datetime, timedelta

# Quick at first, for a restart of the other side; then patient, for a night or a weekend of trouble.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 900, 3_600, 7_200, 14_400))
LONGEST = timedelta(days=4)


def next_try(*, attempts: int, created_at: datetime, now: datetime) -> datetime | None:
    """The time of the next attempt after `attempts` failed ones, or None when it is time to give up."""
    if now - created_at >= LONGEST:
        return None
    return now + PAUSES[min(attempts, len(PAUSES)) - 1]
