"""Messages that left: what the story of a message and the counts of its recipient say about it, for a batch at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.db import bigints
from tracking.models import EventKind


@dataclass(frozen=True, slots=True)
class Departures:
    """Messages of one run that left on the same basis, such as `consent`: message id → address id."""

    run_id: int
    channel: str
    purpose: str
    basis: str
    at: datetime
    messages: Mapping[int, int]


def record_departures(session: Session, departures: Departures) -> None:
    """Append their `sent` events and add them to the counts of their day (UTC).

    Call it in the transaction that settles the messages, so that a message counts exactly when it is settled as sent.
    """
    if not departures.messages:
        return
    common = {"at": departures.at, "addresses": bigints(departures.messages.values())}
    session.execute(
        text(_RECORD),
        common
        | {"kind": EventKind.SENT.value, "run": departures.run_id, "messages": bigints(departures.messages.keys())},
    )
    key = {"channel": departures.channel, "purpose": departures.purpose, "basis": departures.basis}
    session.execute(text(_COUNT), common | key)


_RECORD = """
    INSERT INTO event (kind, at, address_id, message_id, run_id)
    SELECT CAST(:kind AS event_kind), :at, address_id, message_id, :run
    FROM unnest(CAST(:addresses AS bigint[]), CAST(:messages AS bigint[])) AS d (address_id, message_id)
"""

# Sorted by key: two workers that settle at once then never wait for each other in a circle.
_COUNT = """
    INSERT INTO exposure AS e (address_id, channel, purpose, basis, day, messages, last_at)
    SELECT address_id, :channel, :purpose, :basis, (CAST(:at AS timestamptz) AT TIME ZONE 'UTC')::date, count(*), :at
    FROM unnest(CAST(:addresses AS bigint[])) AS address_id
    GROUP BY address_id ORDER BY address_id
    ON CONFLICT (address_id, channel, purpose, basis, day) DO UPDATE
    SET messages = e.messages + excluded.messages, last_at = greatest(e.last_at, excluded.last_at)
"""
