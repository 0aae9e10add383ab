"""How long proofs of consents are kept after the consent was withdrawn."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from core import clock
from core.retention import Kind, register
from core.sentences import say

# Who calls keeps the proof for five years from each use (section 7a(2) UWG); nobody is called after the withdrawal.
CALLS = timedelta(days=5 * 366)

# Claims end with the third year after the one in which they arose (sections 195 and 199 BGB): counted to its end.
_OVER = """
    FROM proof AS p WHERE p.sha256 IN (
        SELECT decode(named, 'hex') FROM consent AS c
        JOIN consent_event AS e ON e.consent_id = c.id,
        LATERAL (VALUES (e.evidence->>'particulars'), (e.evidence->>'mail_sha256'), (e.evidence->>'scan_sha256'))
          AS n(named)
        WHERE named IS NOT NULL AND c.withdrawn_at IS NOT NULL
          AND (c.confirmed_at IS NULL OR c.confirmed_at <= c.withdrawn_at)
          AND date_trunc('year', c.withdrawn_at) + interval '1 year' < :before
          AND (c.channel <> 'phone' OR c.withdrawn_at < :before_calls))
"""


def _due(session: Session, before: datetime) -> int:
    return session.scalar(text(f"SELECT count(*) {_OVER}"), _terms(before)) or 0


def _terms(before: datetime) -> dict[str, datetime]:
    return {"before": before, "before_calls": clock.now() - CALLS}


def _remove(session: Session, before: datetime, most: int) -> int:
    # The database lets a proof go only in a transaction that says that its term is over.
    session.execute(text("SELECT set_config('crusoe.term_is_over', 'yes', true)"))
    gone = session.execute(
        text(f"DELETE FROM proof WHERE sha256 IN (SELECT p.sha256 {_OVER} LIMIT :most)"),  # noqa: S608 - text of ours
        _terms(before) | {"most": most},
    )
    session.execute(text("SELECT set_config('crusoe.term_is_over', '', true)"))
    return int(getattr(gone, "rowcount", 0))


PROOFS = register(
    Kind(
        code="withdrawn_proofs",
        title=say("Proofs of withdrawn consents"),
        why=say(
            "Three years to the end of the year, for claims about mail of the past (Art. 17(3)(e) GDPR); of consents to"
            " calls five years (section 7a UWG)."
        ),
        days=3 * 365,
        due=_due,
        remove=_remove,
    )
)
