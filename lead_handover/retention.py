"""How long it is kept why somebody was given to sales, and what other systems were told."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.retention import Kind, register
from core.sentences import say

_EXPLAINED = "lines <> '[]' AND answered_at < :before"
# What names no person stays: it keeps an event from being told a second time.
_TOLD = "body->>'handover_id' IS NOT NULL AND coalesce(delivered_at, given_up_at) < :before"


def _count(session: Session, table: str, over: str, before: datetime) -> int:
    return session.scalar(text(f"SELECT count(*) FROM {table} WHERE {over}"), {"before": before}) or 0  # noqa: S608 - text of ours


def _change(session: Session, statement: str, *, table: str, over: str, before: datetime, most: int) -> int:
    chosen = f"SELECT id FROM {table} WHERE {over} ORDER BY id LIMIT :most"  # noqa: S608 - text of ours
    done = session.execute(text(f"{statement} WHERE id IN ({chosen})"), {"before": before, "most": most})
    return int(getattr(done, "rowcount", 0))


LEADS = register(
    Kind(
        code="leads",
        title=say("Explanations of leads that were answered"),
        why=say("Three years after the answer; that there was a lead stays as a number."),
        days=3 * 365,
        due=lambda session, before: _count(session, "handover", _EXPLAINED, before),
        remove=lambda session, before, most: _change(
            session,
            "UPDATE handover SET lines = '[]', reason = NULL",
            table="handover",
            over=_EXPLAINED,
            before=before,
            most=most,
        ),
    )
)
TOLD = register(
    Kind(
        code="told_systems",
        title=say("What other systems were told of leads"),
        why=say("Half a year, to find out what became of a message."),
        days=180,
        due=lambda session, before: _count(session, "outbox", _TOLD, before),
        remove=lambda session, before, most: _change(
            session, "DELETE FROM outbox", table="outbox", over=_TOLD, before=before, most=most
        ),
    )
)
