"""How long it is known who opened and clicked what, and from where."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.retention import Kind, register
from core.sentences import say

_READ = "kind IN ('open', 'click') AND address_id IS NOT NULL AND at < :before"
_TRACED = "(ip IS NOT NULL OR user_agent IS NOT NULL) AND at < :before"


def _due(over: str) -> Callable[[Session, datetime], int]:
    def count(session: Session, before: datetime) -> int:
        return session.scalar(text(f"SELECT count(*) FROM event WHERE {over}"), {"before": before}) or 0  # noqa: S608 - text of ours

    return count


def _blank(columns: str, over: str) -> Callable[[Session, datetime, int], int]:
    def remove(session: Session, before: datetime, most: int) -> int:
        chosen = f"SELECT id FROM event WHERE {over} ORDER BY id LIMIT :most"  # noqa: S608 - text of ours
        done = session.execute(
            text(f"UPDATE event SET {columns} WHERE id IN ({chosen})"),  # noqa: S608 - text of ours
            {"before": before, "most": most},
        )
        return int(getattr(done, "rowcount", 0))

    return remove


READING = register(
    Kind(
        code="reading",
        title=say("Opens and clicks of a person"),
        why=say("Thirteen months, so that two seasons can be compared; then they count without a name."),
        days=395,
        due=_due(_READ),
        remove=_blank("message_id = NULL, address_id = NULL, ip = NULL, user_agent = NULL, sent_at = NULL", _READ),
    )
)
TRACES = register(
    Kind(
        code="traces",
        title=say("IP addresses and browsers of opens and clicks"),
        why=say("Thirty days, to tell people from machines."),
        days=30,
        due=_due(_TRACED),
        remove=_blank("ip = NULL, user_agent = NULL", _TRACED),
    )
)
