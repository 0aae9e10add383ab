"""Waiting until nothing is on its way to anybody on the suppression list: before a file or a block is answered."""

import time
from datetime import datetime

import structlog
from sqlalchemy import text

from core.db import bigints, transaction
from suppression import departures

log = structlog.get_logger()

# Nobody's mail program waits for this answer, so it may take longer than the one to a click.
LONGEST = 10.0
PAUSE = 0.05

_COUNTS = "NOT EXISTS (SELECT 1 FROM suppression_lift AS l WHERE l.entry_id = e.id)"
# What is being handed over just now is little, so each of it is compared with the whole list: an entry about its
# address, its domain, a domain above, or the company of its contact.
_LEAVING = f"""
    SELECT m.id FROM message AS m JOIN address AS a ON a.id = m.address_id
    WHERE m.state = 'handing_over' AND (
      EXISTS (SELECT 1 FROM suppression_entry AS e WHERE e.address_id = a.id AND {_COUNTS})
      OR EXISTS (SELECT 1 FROM suppression_entry AS e WHERE e.domain_key = a.domain_key AND {_COUNTS})
      OR EXISTS (
        SELECT 1 FROM endpoint AS n JOIN contact AS c ON c.id = n.contact_id
        JOIN suppression_entry AS e ON e.company_id = c.company_id
        WHERE n.address_id = a.id AND {_COUNTS})
      OR EXISTS (
        SELECT 1 FROM endpoint AS n JOIN suppression_entry AS e ON e.below IS NOT NULL AND EXISTS (
          SELECT 1 FROM unnest(e.below) AS domain WHERE right(lower(n.value), length(domain) + 1) = '.' || domain)
        WHERE n.address_id = a.id AND {_COUNTS}))
"""  # noqa: S608 - no text of a user in it
# One that went back and passed the gate again did so with the entry in sight.
_STILL = """
    SELECT count(*) FROM message
    WHERE id = ANY (CAST(:ids AS bigint[])) AND state = 'handing_over' AND handed_over_at <= :seen
"""


@departures
def wait_until_all_quiet(*, seconds: float | None = None) -> int:
    """Wait until what is being handed over to anybody on the list has ended, for `seconds`, or ten.

    Answers how many mails still are being handed over then. Call it after the transaction that stored the entries.
    """
    until = time.monotonic() + (LONGEST if seconds is None else seconds)
    with transaction() as session:
        seen = session.scalars(text("SELECT clock_timestamp()")).one()
        ids = list(session.scalars(text(_LEAVING)))
    while (left := _still(ids, seen)) and time.monotonic() < until:
        time.sleep(PAUSE)
    if left:
        log.warning("mails_on_their_way", messages=left)
    return left


def _still(ids: list[int], seen: datetime) -> int:
    if not ids:
        return 0
    with transaction() as session:
        return session.scalar(text(_STILL), {"ids": bigints(ids), "seen": seen}) or 0
