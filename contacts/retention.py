"""How long proofs of consents are kept after the consent was withdrawn."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.retention import Kind, register
from core.sentences import say

# Claims end with the third year after the one in which they arose (sections 195 and 199 BGB): counted to its end.
_OVER = """
    FROM proof AS p WHERE p.sha256 IN (
        SELECT decode(named, 'hex') FROM consent AS c
        JOIN consent_event AS e ON e.consent_id = c.id,
        LATERAL (VALUES (e.evidence->>'particulars'), (e.evidence->>'mail_sha256')) AS n(named)
        WHERE named IS NOT NULL AND c.withdrawn_at IS NOT NULL
          AND (c.confirmed_at IS NULL OR c.confirmed_at <= c.withdrawn_at)
          AND date_trunc('year', c.withdrawn_at) + interval '1 year' < :before)
"""


def _due(session: Session, before: datetime) -> int:
    return session.scalar(text(f"SELECT count(*) {_OVER}"), {"before": before}) or 0


def _remove(session: Session, before: datetime, most: int) -> int:
    # The database lets a proof go only in a transaction that says that its term is over.
    session.execute(text("SELECT set_config('crusoe.term_is_over', 'yes', true)"))
    gone = session.execute(
        text(f"DELETE FROM proof WHERE sha256 IN (SELECT p.sha256 {_OVER} LIMIT :most)"),  # noqa: S608 - text of ours
        {"before": before, "most": most},
    )
    session.execute(text("SELECT set_config('crusoe.term_is_over', '', true)"))
    return int(getattr(gone, "rowcount", 0))


PROOFS = register(
    Kind(
        code="withdrawn_proofs",
        title=say("Proofs of withdrawn consents"),
        why=say("Three years to the end of the year, for claims about mail of the past (Art. 17(3)(e) GDPR)."),
        days=3 * 365,
        due=_due,
        remove=_remove,
    )
)
