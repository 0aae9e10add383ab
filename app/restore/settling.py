"""What is done to every restored database before anything runs on it; until it is done no release is possible."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns import set_campaigns_aside
from core import audit, clock, quarantine
from core.evidence_anchors import set_aside_younger
from delivery import set_aside
from suppression import watch_journal

# Numbers that stand in mails that left after the backup. Given a second time, the link of one person would unsubscribe
# another, and a bounce would count against a mail that it is not about. Links keep numbers of runs in 32 bits.
FAR, NEAR, NEXT = 1_000_000_000, 1_000_000, 1_000
OUTSIDE = {"address": FAR, "message": FAR, "decision": FAR, "event": FAR, "signup_request": FAR}
SHORT = {"run": NEAR, "link": NEAR}

_SEQUENCES = """
    SELECT s.schemaname, s.sequencename, s.last_value, t.relname AS of FROM pg_sequences AS s
    JOIN pg_class AS q ON q.relname = s.sequencename AND q.relnamespace = s.schemaname::regnamespace
    JOIN pg_depend AS d ON d.objid = q.oid AND d.deptype IN ('a', 'i') AND d.classid = 'pg_class'::regclass
    JOIN pg_class AS t ON t.oid = d.refobjid
    WHERE s.schemaname = 'public' AND s.data_type = 'bigint'::regtype
"""


def settle(session: Session) -> bool:
    """Set aside what may have been sent since, and leave a gap in all numbers. Answers whether it was to be done.

    It is one transaction: a process that dies in the middle leaves it to the next one.
    """
    watch_journal(session)
    found = quarantine.standing(session, lock=True)
    if found is None or found.settled_at is not None:
        return False
    aside = set_aside(session)
    campaigns = set_campaigns_aside(session)
    _leave_gaps(session)
    session.execute(text("DELETE FROM login_session"))
    found.settled_at = clock.now()
    counts = {"runs": aside.runs, "in_doubt": aside.in_doubt, "answers": aside.answers, "campaigns": campaigns}
    found.details = found.details | {"set_aside": counts}
    audit.record(
        session,
        actor="system",
        action="quarantine.settle",
        object_type="quarantine",
        object_id=found.id,
        cause=found.cause,
        backup_at=found.details.get("backup_at"),
        set_aside=counts,
        younger_anchors=set_aside_younger(session),
    )
    return True


def _leave_gaps(session: Session) -> None:
    for row in session.execute(text(_SEQUENCES)).all():
        gap = OUTSIDE.get(row.of) or SHORT.get(row.of) or NEXT
        name = f'"{row.schemaname}"."{row.sequencename}"'
        session.execute(
            text("SELECT setval(CAST(:name AS regclass), :to)"), {"name": name, "to": (row.last_value or 0) + gap}
        )
