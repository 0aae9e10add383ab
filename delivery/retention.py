"""How long messages and the answers of servers are kept, counted from the end of their run."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.retention import Kind, register
from core.sentences import say

# Through the runs, because the unique key of messages begins with them.
_ENDED = "FROM run AS r JOIN message AS m ON m.run_id = r.id WHERE r.finished_at < :before"
_SETTLED = f"{_ENDED} AND m.state NOT IN ('planned', 'ready', 'claimed', 'handing_over', 'held')"
_ANSWERED = f"{_ENDED} AND m.reply_text IS NOT NULL"
_RETURNED = "FROM returned_mail WHERE received_at < :before"
_FORGET = f"DELETE FROM returned_mail WHERE id IN (SELECT id {_RETURNED} ORDER BY id LIMIT :most)"  # noqa: S608


_CALLED = "FROM provider_call WHERE at < :before"
_UNLEARN = f"DELETE FROM provider_call WHERE ctid IN (SELECT ctid {_CALLED} LIMIT :most)"  # noqa: S608


def _count(session: Session, what: str, before: datetime) -> int:
    return session.scalar(text(f"SELECT count(*) {what}"), {"before": before}) or 0


def _change(session: Session, statement: str, what: str, before: datetime, most: int) -> int:
    done = session.execute(
        text(f"{statement} WHERE id IN (SELECT m.id {what} LIMIT :most)"), {"before": before, "most": most}
    )
    return int(getattr(done, "rowcount", 0))


MESSAGES = register(
    Kind(
        code="messages",
        title=say("Messages: who got what and when"),
        why=say("Three years after the end of the campaign, to answer why somebody got a mail (Art. 15 GDPR)."),
        days=3 * 365,
        due=lambda session, before: _count(session, _SETTLED, before),
        remove=lambda session, before, most: _change(session, "DELETE FROM message", _SETTLED, before, most),
    )
)
ANSWERS = register(
    Kind(
        code="server_answers",
        title=say("Answers of mail servers"),
        why=say("Half a year after the end of the campaign, to find out why mail was refused."),
        days=180,
        due=lambda session, before: _count(session, _ANSWERED, before),
        remove=lambda session, before, most: _change(
            session, "UPDATE message SET reply_text = NULL", _ANSWERED, before, most
        ),
    )
)
RETURNED = register(
    Kind(
        code="returned_mails",
        title=say("What mail servers sent back"),
        why=say("Half a year, to find out why mail did not arrive; the originals go as soon."),
        days=180,
        due=lambda session, before: _count(session, _RETURNED, before),
        remove=lambda session, before, most: int(
            getattr(session.execute(text(_FORGET), {"before": before, "most": most}), "rowcount", 0)
        ),
    )
)
CALLS = register(
    Kind(
        code="provider_calls",
        title=say("Which calls of providers were taken in"),
        why=say("Digests only. Much longer than a call is believed, so that none has its effect twice."),
        days=40,
        due=lambda session, before: _count(session, _CALLED, before),
        remove=lambda session, before, most: int(
            getattr(session.execute(text(_UNLEARN), {"before": before, "most": most}), "rowcount", 0)
        ),
    )
)
