"""An operator rests when mail that came back says that it wants less from us, behind a relay that took everything.

The same rules hold as for answers at the door (`delivery.pace.pauses`); in place of a batch stand the mails to this
operator that left between the first and the last that came back in the last quarter of an hour.
"""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from delivery.pace.noting import LONGEST_SAID, let_rest
from delivery.pace.operators import OTHER
from delivery.pace.pauses import Answers
from delivery.pace.single import move_to_its_own

LATELY = timedelta(minutes=15)

# What left before the last rest was over says nothing about the time after it. All small domains are told apart.
_BACK = f"""
    SELECT r.sender_id, m.operator, CASE WHEN m.operator = {OTHER} THEN a.domain_key END AS domain_key,
           max(m.run_id) AS run_id, max(e.value) AS address, count(*) FILTER (WHERE b.action = 'failed') AS failed,
           count(*) FILTER (WHERE b.action = 'delayed') AS delayed,
           mode() WITHIN GROUP (ORDER BY b.reason) AS said,
           min(m.handed_over_at) AS first_at, max(m.handed_over_at) AS last_at, array_agg(DISTINCT m.run_id) AS runs
    FROM returned_mail AS g JOIN returned AS b ON b.mail_id = g.id JOIN message AS m ON m.id = g.message_id
    JOIN run AS r ON r.id = m.run_id JOIN address AS a ON a.id = m.address_id
    LEFT JOIN endpoint AS e ON e.address_id = m.address_id AND e.channel = 'email'
    LEFT JOIN operator_domain AS o ON m.operator = {OTHER} AND o.domain = lower(split_part(e.value, '@', -1))
    LEFT JOIN pace AS p ON p.sender_id = r.sender_id AND p.transport_id = 0
                       AND p.operator = coalesce(o.operator, m.operator)
    WHERE g.received_at > clock_timestamp() - CAST(:lately AS interval) AND b.matches AND b.class = 'policy'
      AND b.action IN ('failed', 'delayed') AND r.kind = 'campaign'
      AND m.handed_over_at > coalesce(p.paused_until, '-infinity')
    GROUP BY 1, 2, 3 HAVING count(*) > 1
    ORDER BY 1, 2, 3
"""  # noqa: S608 - a number of ours

_LEFT = """
    SELECT count(*) FROM message AS m JOIN address AS a ON a.id = m.address_id
    WHERE m.run_id = ANY (:runs) AND m.operator = :operator AND m.handed_over_at BETWEEN :first_at AND :last_at
      AND (CAST(:domain_key AS bytea) IS NULL OR a.domain_key = :domain_key)
"""


def rest_after_returns(session: Session, *, first: float) -> int:
    """Let operators rest by what came back lately; answers how many. `first`: how many seconds the first rest takes."""
    found: dict[int, dict[int, Answers]] = defaultdict(dict)
    for row in map(dict, session.execute(text(_BACK), {"lately": LATELY}).mappings().all()):
        answers = _answers(session, row)
        operator = row["operator"]
        if answers.want_less and operator == OTHER and row["address"] is not None:
            domain = row["address"].rpartition("@")[2].lower()
            operator = move_to_its_own(session, run_id=row["run_id"], domain=domain) or OTHER
        if answers.want_less and operator != OTHER:
            found[row["run_id"]][operator] = answers
    for run_id, operators in found.items():
        let_rest(session, run_id, operators, timedelta(seconds=first))
    return sum(map(len, found.values()))


def _answers(session: Session, row: dict[str, Any]) -> Answers:
    left: int = session.execute(text(_LEFT), row).scalar_one()
    back = row["failed"] + row["delayed"]
    said = (row["said"] or "")[:LONGEST_SAID]
    return Answers(accepted=max(0, left - back), policy=row["failed"], slowed=row["delayed"], said=said)
