"""Letting go of who read what: hits stay as numbers, and no longer say whose they were."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

_READING = """
    UPDATE event SET message_id = NULL, address_id = NULL, ip = NULL, user_agent = NULL, sent_at = NULL
    WHERE address_id = ANY(:addresses) AND kind IN ('open', 'click')
"""
_TRACES = """
    UPDATE event SET ip = NULL, user_agent = NULL
    WHERE address_id = ANY(:addresses) AND (ip IS NOT NULL OR user_agent IS NOT NULL)
"""


def forget_reading(session: Session, address_ids: Collection[int]) -> int:
    """Part the opens and clicks of these addresses from them; answers how many. They count as hits without a name.

    What was sent, bounced, complained about or unsubscribed stays with its address id: it is evidence and names nobody.
    """
    done = session.execute(text(_READING), {"addresses": list(address_ids)})
    session.execute(text(_TRACES), {"addresses": list(address_ids)})
    return int(getattr(done, "rowcount", 0))
