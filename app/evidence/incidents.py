"""Which messages went out under something that later proved wrong: a list version, a rule version, a wording."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.errors import WrongInput
from core.sentences import say

# What can be asked about, and the condition on the decision that let a message pass, its context, its consent.
SIGNS = {
    "list_version": (
        "EXISTS (SELECT 1 FROM jsonb_each_text(c.list_versions) AS l WHERE l.value = CAST(:value AS text))"
    ),
    "rules": "c.rules_version = CAST(CAST(:value AS text) AS bigint)",
    "text": "k.text_version = CAST(:value AS text)",
}

_COUNT = """
    SELECT r.name AS run, g.code AS campaign, count(*) AS messages, count(DISTINCT m.address_id) AS addresses,
           min(m.handed_over_at) AS first_at, max(m.handed_over_at) AS last_at
    FROM decision_context AS c
    JOIN decision AS d ON d.batch_id = c.batch_id AND d.verdict = 'send'
    JOIN message AS m ON m.decision_id = d.id
    JOIN run AS r ON r.id = m.run_id
    LEFT JOIN campaign AS g ON g.run_id = r.id
    LEFT JOIN consent AS k ON k.id = d.consent_id
    WHERE {sign} AND m.state IN ('sent', 'unknown', 'resolved_sent')
    GROUP BY r.id, r.name, g.code ORDER BY first_at
"""


def incident(session: Session, *, sign: str, value: str) -> list[dict[str, Any]]:
    """For each campaign how many messages went out under it, to how many addresses, from when to when.

    `sign` is one of `SIGNS`. A message whose fate is unknown counts: it may have arrived.
    """
    if sign != "text" and not (value.isascii() and value.isdigit()):
        raise WrongInput("version_invalid", say("A version is a number, not %(value)s.", value=repr(value[:60])))
    query = text(_COUNT.format(sign=SIGNS[sign]))
    return [dict(row) for row in session.execute(query, {"value": value}).mappings()]
