"""Holds that compliance released: by whom, why, how many messages became free, and how many of them went out."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

MOST = 1000
# How a decision marks a reason that compliance let pass.
RELEASED = ":released"


@dataclass(frozen=True)
class Released:
    """One release. `messages`: how many it made ready. `went_out`: how many of the campaign went for this reason."""

    at: datetime
    by: str
    campaign: str
    name: str
    code: str
    reason: str
    messages: int
    went_out: int


# A decision that let a message pass by a release says so in its reasons. One whose fate is unknown may have arrived.
_RELEASES = """
    WITH released AS (
        SELECT e.id, e.at, e.actor, e.reason, e.details ->> 'code' AS hold,
               CAST(e.details ->> 'messages' AS bigint) AS messages, c.code, c.name, c.run_id
        FROM audit_event AS e JOIN campaign AS c ON CAST(c.id AS text) = e.object_id
        WHERE e.action = 'campaign.release_holds' AND e.object_type = 'campaign'
          AND (CAST(:campaign AS bigint) IS NULL OR c.id = :campaign)
        ORDER BY e.id DESC LIMIT :most
    ), gone AS (
        SELECT m.run_id, why.reason, count(*) AS messages
        FROM message AS m JOIN decision AS d ON d.id = m.decision_id
        CROSS JOIN LATERAL unnest(d.reasons) AS why (reason)
        WHERE m.run_id IN (SELECT run_id FROM released) AND m.state IN ('sent', 'unknown', 'resolved_sent')
          AND why.reason LIKE '%' || CAST(:mark AS text)
        GROUP BY 1, 2
    )
    SELECT r.at, r.actor AS by, r.code AS campaign, r.name, r.hold AS code, coalesce(r.reason, '') AS reason,
           r.messages, coalesce(g.messages, 0) AS went_out
    FROM released AS r LEFT JOIN gone AS g ON g.run_id = r.run_id AND g.reason = r.hold || CAST(:mark AS text)
    ORDER BY r.id DESC
"""


def releases(session: Session, *, campaign_id: int | None = None) -> list[Released]:
    """Every release of a hold, or those of one campaign, the newest first. One query."""
    rows = session.execute(text(_RELEASES), {"campaign": campaign_id, "most": MOST, "mark": RELEASED})
    return [Released(**row) for row in rows.mappings()]
