"""Senders whose mail server does not take mail just now: since when, what it said, and when it is tried again.

Workers know it from their own attempts; it is written down for people. Several workers write about the same server, and
the last one is right.
"""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

_BEGUN = """
    UPDATE sender SET away_since = coalesce(away_since, clock_timestamp()), away_text = :said,
           next_try_at = clock_timestamp() + :rest
    WHERE id = :sender
"""

_OVER = "UPDATE sender SET away_since = NULL, away_text = NULL, next_try_at = NULL WHERE id = :sender"


def note_outage(session: Session, *, sender_id: int, said: str, rest: timedelta) -> None:
    """The server of this sender could not be talked to; it is left alone for a while."""
    session.execute(text(_BEGUN), {"sender": sender_id, "said": said, "rest": rest})


def note_return(session: Session, *, sender_id: int) -> None:
    """It takes mail again."""
    session.execute(text(_OVER), {"sender": sender_id})
