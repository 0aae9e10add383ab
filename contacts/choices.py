"""What recipients decide about themselves on the preference page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contacts.models import RecipientChoice, TrackingLevel
from core import clock


@dataclass(frozen=True)
class Choice:
    """The decisions of one recipient. Nobody who decided nothing is tracked, paused or limited."""

    tracking: TrackingLevel = TrackingLevel.NONE
    language: str | None = None
    paused_until: datetime | None = None
    most_per_month: int | None = None
    topics_off: tuple[str, ...] = ()
    profiling: bool = True


def choice(session: Session, address_id: int) -> Choice:
    """What the recipient behind this address decided, or the defaults."""
    row = session.scalar(
        select(RecipientChoice)
        .where(RecipientChoice.address_id == address_id)
        .execution_options(populate_existing=True)
    )
    if row is None:
        return Choice()
    return Choice(
        tracking=row.tracking,
        language=row.language,
        paused_until=row.paused_until,
        most_per_month=row.most_per_month,
        topics_off=tuple(row.topics_off),
        profiling=row.profiling,
    )


def choose(session: Session, address_id: int, **decisions: Any) -> Choice:
    """Store the named decisions (fields of `Choice`) and leave the others. Answers all of them."""
    unknown = decisions.keys() - Choice.__dataclass_fields__.keys()
    if unknown:
        raise TypeError(f"no such choice: {', '.join(sorted(unknown))}")
    values = dict(decisions) | {"changed_at": clock.now()}
    if "topics_off" in values:
        values["topics_off"] = sorted(set(values["topics_off"]))
    statement = insert(RecipientChoice).values(address_id=address_id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["address_id"], set_=values))
    return choice(session, address_id)
