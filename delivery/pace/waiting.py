"""Which limits keep messages of a run back just now, and until when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core import clock
from delivery.models import Run, Sender
from delivery.pace.levels import Level, refilled, wait
from delivery.pace.limits import read_limits
from delivery.pace.models import ALL_OPERATORS, ANY_TRANSPORT, Pace
from delivery.pace.operators import names_of

# What frees so soon is nobody's concern.
SOON = timedelta(minutes=1)

_WAITING = "SELECT count(*) FROM message WHERE run_id = :run AND state = 'ready' AND operator = ANY (:operators)"


@dataclass(frozen=True)
class UsedUp:
    """A limit of an hour or a day is used up: of one operator, or of the sender as a whole when it names none."""

    operator: str | None
    messages: int
    until: datetime


def used_up(session: Session, run: Run) -> list[UsedUp]:
    """What is used up for longer than a moment and keeps messages of this run back."""
    sender = session.get_one(Sender, run.sender_id)
    if not sender.limits:
        return []
    now = clock.now()
    limits = read_limits(sender.limits)
    names = names_of(session)
    found: list[UsedUp] = []
    rows = select(Pace).where(Pace.sender_id == sender.id, Pace.transport_id == ANY_TRANSPORT).order_by(Pace.operator)
    for row in session.scalars(rows):
        whole = row.operator == ALL_OPERATORS
        code = None if whole or row.operator not in names else names[row.operator].code
        if code is None and not whole:
            continue
        limit = limits.of(code, day=now.date())
        level = refilled(Level(row.tokens, row.counted_at, row.hour_used, row.day_used), limit=limit, now=now)
        left = timedelta(seconds=wait(level, limit=limit, now=now))
        if left <= SOON:
            continue
        operators = [*names] if whole else [row.operator]
        many: int = session.execute(text(_WAITING), {"run": run.id, "operators": operators}).scalar_one()
        if many:
            found.append(UsedUp(None if whole else names[row.operator].name, many, now + left))
    return found
