"""What recipients decide about themselves on the preference page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
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


# The newest word counts, and what is stored already is as new.
_RESTORE = """
    INSERT INTO recipient_choice
      (address_id, tracking, language, paused_until, most_per_month, topics_off, profiling, changed_at)
    SELECT DISTINCT ON (a.id) a.id, n.tracking, n.language, n.paused_until, n.most_per_month, n.topics_off, n.profiling,
           n.at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n (
        key text, at timestamptz, tracking text, language text, paused_until timestamptz, most_per_month smallint,
        topics_off jsonb, profiling boolean)
    JOIN address AS a ON a.key = decode(n.key, 'hex') ORDER BY a.id, n.at DESC
    ON CONFLICT (address_id) DO UPDATE SET tracking = excluded.tracking, language = excluded.language,
      paused_until = excluded.paused_until, most_per_month = excluded.most_per_month,
      topics_off = excluded.topics_off, profiling = excluded.profiling, changed_at = excluded.changed_at
    WHERE recipient_choice.changed_at < excluded.changed_at
    RETURNING address_id
"""


def restore_choices(session: Session, rows: Sequence[Mapping[str, Any]]) -> int:
    """Store what people decided according to a journal where it is younger than what is stored; answers for how many.

    `rows`: the fields of `Choice`, with the `key` of the address in hexadecimal and the moment `at`.
    """
    return len(session.execute(text(_RESTORE), {"rows": json.dumps(list(rows))}).all())


def as_written(chosen: Choice) -> dict[str, Any]:
    """All decisions of one recipient as JSON can hold them."""
    until = chosen.paused_until.isoformat() if chosen.paused_until else None
    return asdict(chosen) | {"tracking": chosen.tracking.value, "paused_until": until}


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
