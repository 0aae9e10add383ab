"""What a person should know about a run besides its numbers: what it waits for, and what did not go well."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core import clock
from core.sentences import unpacked
from delivery.models import Run, Sender
from delivery.pace.models import ClockZone, RunShare
from delivery.pace.waiting import UsedUp, used_up
from delivery.pace.windows import read_windows
from delivery.states import RunState


@dataclass(frozen=True)
class Halted:
    """The run is paused or was stopped."""

    reason: str


@dataclass(frozen=True)
class ServerAway:
    """The sender's mail server does not take mail since then; `said` names the server and what stood in the way."""

    since: datetime
    said: str
    next_try: datetime


@dataclass(frozen=True)
class OperatorRests:
    """Who runs these mailboxes wants less mail from us; so many messages wait until then."""

    operator: str
    messages: int
    said: str
    until: datetime


@dataclass(frozen=True)
class WindowClosed:
    """Nobody may be written to just now; `opens` is when the next window does, None when none comes any more."""

    opens: datetime | None


@dataclass(frozen=True)
class TooLate:
    """So many did not fit into the last window, and ended."""

    messages: int


@dataclass(frozen=True)
class PutOff:
    """So many were put off by the server, most often with this answer, and are tried again."""

    messages: int
    answer: str
    next_try: datetime


@dataclass(frozen=True)
class Refused:
    """So many will never arrive; the answer that was given most often."""

    messages: int
    answer: str


@dataclass(frozen=True)
class InDoubt:
    """So many may have arrived or not, most often for this reason; they are not sent again."""

    messages: int
    reason: str


Note = Halted | ServerAway | OperatorRests | WindowClosed | TooLate | UsedUp | PutOff | Refused | InDoubt

_ANSWERS = """
    SELECT m.state::text AS state, concat_ws(' ', m.reply_code, m.reply_text) AS answer, count(*) AS messages,
           sum(count(*)) OVER (PARTITION BY m.state) AS altogether,
           min(min(m.not_before)) OVER (PARTITION BY m.state) AS next_try
    FROM message AS m
    WHERE m.run_id = :run AND (m.state IN ('failed', 'unknown') OR (m.state = 'ready' AND m.attempts > 0))
    GROUP BY m.state, answer ORDER BY messages DESC
"""


def notes(session: Session, *, run_id: int, numbers: Mapping[str, int]) -> list[Note]:
    """What there is to say, given the numbers of `report`; nothing about a run on which all goes well."""
    run = session.get_one(Run, run_id)
    found: list[Note] = []
    if run.state in {RunState.PAUSED, RunState.STOPPED} and run.state_reason:
        found.append(Halted(unpacked(run.state_reason)))
    sender = session.get_one(Sender, run.sender_id)
    waiting = numbers["in_flight"] + numbers["deferred"]
    if run.state is RunState.OPEN and waiting and sender.away_since and sender.next_try_at:
        found.append(ServerAway(sender.away_since, sender.away_text or "", sender.next_try_at))
    if run.state is RunState.OPEN and waiting:
        found += _rests(session, run)
        found += _closed(session, run)
        found += used_up(session, run)
    if run.windows and run.state is not RunState.STOPPED and numbers["cancelled"]:
        found.append(TooLate(numbers["cancelled"]))
    if numbers["deferred"] or numbers["failed"] or numbers["unknown"]:
        found += _answers(session, run_id)
    return found


_RESTS = """
    SELECT o.name, p.paused_text, p.paused_until, count(*) AS messages
    FROM pace AS p JOIN mail_operator AS o ON o.id = p.operator
    JOIN message AS m ON m.run_id = :run AND m.state = 'ready' AND m.operator = p.operator
    WHERE p.sender_id = :sender AND p.transport_id = 0 AND p.paused_until > clock_timestamp()
    GROUP BY o.name, p.paused_text, p.paused_until ORDER BY messages DESC LIMIT 5
"""


def _rests(session: Session, run: Run) -> list[Note]:
    rows = session.execute(text(_RESTS), {"run": run.id, "sender": run.sender_id})
    return [OperatorRests(row.name, row.messages, row.paused_text or "", row.paused_until) for row in rows]


def _closed(session: Session, run: Run) -> list[Note]:
    windows = read_windows(run.windows)
    if windows is None:
        return []
    now = clock.now()
    zones = session.scalars(
        select(ClockZone.name).join(RunShare, RunShare.zone == ClockZone.id).where(RunShare.run_id == run.id).distinct()
    )
    opens = [windows.next_open(now, zone=name) for name in zones]
    known = [moment for moment in opens if moment is not None]
    if now in known or not opens:
        return []
    return [WindowClosed(min(known, default=None))]


def _answers(session: Session, run_id: int) -> list[Note]:
    most_often: dict[str, Note] = {}
    for row in session.execute(text(_ANSWERS), {"run": run_id}):
        if row.state in most_often:
            continue
        if row.state == "ready":
            most_often[row.state] = PutOff(int(row.altogether), row.answer, row.next_try)
        else:
            kind = Refused if row.state == "failed" else InDoubt
            most_often[row.state] = kind(int(row.altogether), row.answer)
    return [most_often[state] for state in ("ready", "failed", "unknown") if state in most_often]
