"""The time, in one place, so that tests and `--as-of` can move it."""

from datetime import UTC, datetime

from core.errors import WrongInput
from core.sentences import say


def now() -> datetime:
    """The present moment in UTC. What several processes must agree on asks the database instead."""
    return datetime.now(UTC)


def require_aware(moment: datetime) -> datetime:
    """Refuse a time without a zone: guessing one is how proofs become worthless."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; write it like 2026-11-21T09:00:00+00:00")
    return moment.astimezone(UTC)


def read(written: str) -> datetime:
    """A time as somebody typed it, in ISO 8601. A date alone, or a time without a zone, is read as UTC."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise WrongInput(
            "time_invalid",
            say("%(text)s is no time.", text=repr(written)),
            say("Write it like 2026-11-21 or 2026-11-21T09:00:00+00:00."),
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
