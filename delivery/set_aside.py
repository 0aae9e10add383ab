"""After a restore: whatever may have been sent since the backup was made is set aside until a person decides.

The ledger that came back knows nothing of what was sent after it. So every message of a campaign that had not reached
its end then is in doubt now: `unknown`, as after any other ambiguous ending. Evidence ends the doubt, such as a bounce,
a click, or the Message-IDs in the log of a relay; what stays may be sent once more when somebody decides so, and the
gate is asked again. Answers to what people did are not sent again: who still waits asks again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.sentences import packed, say
from delivery.return_path import message_of_mail_id
from delivery.returns.belief import About
from delivery.returns.resolving import resolve
from delivery.states import MessageState

WHY = say("the database was restored; what was sent after the backup is not known here")

_PAUSE = """
    UPDATE run SET state = 'paused', state_reason = :why WHERE kind = 'campaign' AND state = 'open'
"""

# What somebody once allowed to be sent twice is a new decision now.
_FORGET_CHOICE = "UPDATE run SET retry_unknown = false WHERE kind = 'campaign' AND retry_unknown"

# A decision of the plan stands behind each of them; `attempts` leaves room for one more try.
_DOUBT = """
    UPDATE message AS m SET state = 'unknown', attempts = least(m.attempts, 1), token = NULL, lease_until = NULL,
           done_at = clock_timestamp(), reply_text = :why,
           decision_id = coalesce(m.decision_id, (SELECT max(d.id) FROM decision AS d WHERE d.message_id = m.id))
    FROM run AS r WHERE r.id = m.run_id AND r.kind = 'campaign'
      AND m.state IN ('planned', 'ready', 'claimed', 'handing_over', 'held')
"""

_ANSWERS = """
    UPDATE message AS m SET state = 'cancelled', token = NULL, lease_until = NULL, done_at = clock_timestamp(),
           reply_text = :why
    FROM run AS r WHERE r.id = m.run_id AND r.kind = 'transactional'
      AND m.state IN ('planned', 'ready', 'claimed', 'held')
"""

# The second try of these has been made, or is not ours to make any more.
_ANSWERS_IN_DOUBT = """
    UPDATE message AS m SET state = 'unknown', attempts = 2, token = NULL, lease_until = NULL,
           done_at = clock_timestamp(), reply_text = :why
    FROM run AS r WHERE r.id = m.run_id AND r.kind = 'transactional' AND m.state IN ('handing_over', 'unknown')
"""


@dataclass(frozen=True)
class SetAside:
    """How many runs were paused, messages put in doubt, and answers that will not be sent."""

    runs: int
    in_doubt: int
    answers: int


def set_aside(session: Session) -> SetAside:
    """Put everything in doubt that may have been sent since. Doing it again finds nothing more."""
    why = {"why": packed(WHY)}
    runs = _count(session, _PAUSE, **why)
    _count(session, _FORGET_CHOICE)
    doubt = _count(session, _DOUBT, why=str(WHY))
    answers = _count(session, _ANSWERS, why=str(WHY)) + _count(session, _ANSWERS_IN_DOUBT, why=str(WHY))
    return SetAside(runs, doubt, answers)


_IN_DOUBT = """
    SELECT m.id AS message_id, m.run_id, m.address_id, m.state::text AS state, r.purpose, s.controller_id,
           (SELECT d.basis FROM decision AS d WHERE d.id = m.decision_id) AS basis
    FROM message AS m JOIN run AS r ON r.id = m.run_id JOIN sender AS s ON s.id = r.sender_id
    WHERE m.id = ANY (:ids) AND m.state = 'unknown' ORDER BY m.id FOR UPDATE OF m
"""


def resolve_sent(session: Session, *, mail_ids: Iterable[str]) -> int:
    """Messages in doubt that a relay says it took, by their Message-IDs; answers how many are in doubt no longer."""
    ids = sorted({found for one in mail_ids if (found := message_of_mail_id(one)) is not None})
    rows = session.execute(text(_IN_DOUBT), {"ids": ids}).mappings().all()
    doubtful = [About(**{**row, "state": MessageState(row["state"])}) for row in rows]
    return sum(resolve(session, one, MessageState.RESOLVED_SENT) for one in doubtful)


def _count(session: Session, statement: str, **values: str) -> int:
    return int(session.execute(text(statement), values).rowcount)  # type: ignore[attr-defined]
