"""The time, in one place, so that tests and `--as-of` can move it."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC. What several processes must agree on asks the database instead."""
    return datetime.now(UTC)


def require_aware(moment: datetime) -> datetime:
    """Refuse a time without a zone: guessing one is how proofs become worthless."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; write it like 2026-11-21T09:00:00+00:00")
    return moment.astimezone(UTC)
