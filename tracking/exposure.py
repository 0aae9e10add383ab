"""How often somebody was written to: what frequency caps and the clocks of lapsing consents count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Sending:
    """One message that left. `basis` is the reason of the decision that let it pass, such as `consent`."""

    address_id: int
    channel: str
    purpose: str
    basis: str
    at: datetime


def note_exposures(session: Session, sendings: Sequence[Sending]) -> None:
    """Add messages that left to the counts of their day (UTC); one statement, whatever their number.

    Call it in the transaction that settles the messages, so that a message counts exactly when it is settled as sent.
    """
    if not sendings:
        return
    session.execute(
        text(_ADD),
        {
            "addresses": [sending.address_id for sending in sendings],
            "channels": [sending.channel for sending in sendings],
            "purposes": [sending.purpose for sending in sendings],
            "bases": [sending.basis for sending in sendings],
            "moments": [sending.at for sending in sendings],
        },
    )


# Sorted by key: two workers that settle at once then never wait for each other in a circle.
_ADD = """
    INSERT INTO exposure AS e (address_id, channel, purpose, basis, day, messages, last_at)
    SELECT address_id, channel, purpose, basis, (at AT TIME ZONE 'UTC')::date, count(*), max(at)
    FROM unnest(CAST(:addresses AS bigint[]), CAST(:channels AS text[]), CAST(:purposes AS text[]),
                CAST(:bases AS text[]), CAST(:moments AS timestamptz[]))
         AS s(address_id, channel, purpose, basis, at)
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (address_id, channel, purpose, basis, day) DO UPDATE
    SET messages = e.messages + excluded.messages, last_at = greatest(e.last_at, excluded.last_at)
"""
