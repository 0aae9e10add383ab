"""What follows from a mail that is believed: events, suppression, and the end of a doubt."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from core import clock
from core.settings import settings
from delivery.returns.belief import About
from delivery.returns.decay import Failure, Patience, is_spent
from delivery.returns.kinds import Action, ReturnClass, Returned
from delivery.returns.resolving import resolve
from delivery.states import MessageState
from suppression import Cause, NewEntry, add_many
from tracking import EventKind, Happening, record

SOURCE = "returned_mail"

# What speaks against an address, at once or when it adds up.
COUNTED = frozenset({ReturnClass.HARD, ReturnClass.SOFT, ReturnClass.MAILBOX_FULL})

EVENTS = {
    ReturnClass.HARD: EventKind.BOUNCE,
    ReturnClass.SOFT: EventKind.SOFT_BOUNCE,
    ReturnClass.MAILBOX_FULL: EventKind.SOFT_BOUNCE,
    ReturnClass.POLICY: EventKind.SOFT_BOUNCE,
    ReturnClass.COMPLAINT: EventKind.COMPLAINT,
}

# Bounces travel for days; a mail about which nothing came back for so long has arrived.
QUIET_DAYS = 5

_FAILURES = """
    SELECT g.received_at AS at, m.run_id
    FROM returned AS r JOIN returned_mail AS g ON g.id = r.mail_id JOIN message AS m ON m.id = g.message_id
    WHERE r.address_id = :address AND r.matches AND r.class IN ('hard', 'soft', 'mailbox_full') AND r.action = 'failed'
      AND g.received_at > :begin
"""

_LAST_SUCCESS = """
    SELECT max(e.at) FROM event AS e
    WHERE e.address_id = :address AND e.at > :begin AND (
        (e.kind IN ('open', 'click') AND e.verdict = 'human')
        OR (e.kind = 'sent' AND e.at < :quiet AND NOT EXISTS (
            SELECT 1 FROM event AS b WHERE b.message_id = e.message_id AND b.kind IN ('bounce', 'soft_bounce'))))
"""


def follow(session: Session, about: About, found: Sequence[tuple[Returned, bool]], *, digest: str) -> int:
    """Do what follows; answers how many suppression entries are new. `found`: what came back, and if it matches."""
    now = clock.now()
    ours = [one for one, matches in found if matches]
    for one in ours:
        kind = EVENTS.get(one.kind)
        if kind is not None and one.action is not Action.DELAYED:
            record(session, kind, [Happening(now, about.address_id, about.message_id, about.run_id)])
    _end_doubt(session, about, [one for one, _ in found], ours)
    entries = [entry for one in ours if (entry := _entry(session, about, one, digest=digest, now=now))]
    return add_many(session, entries) if entries else 0


def _end_doubt(session: Session, about: About, found: Sequence[Returned], ours: Sequence[Returned]) -> None:
    """What a relay reports on, it had taken; only where it says that the mail failed, nobody got it."""
    if about.state is not MessageState.UNKNOWN:
        return
    if any(one.action is Action.FAILED for one in ours):
        resolve(session, about, MessageState.RESOLVED_UNSENT)
    elif any(one.action is not None or one.kind in {ReturnClass.COMPLAINT, ReturnClass.AUTO_REPLY} for one in found):
        resolve(session, about, MessageState.RESOLVED_SENT)


def _entry(session: Session, about: About, one: Returned, *, digest: str, now: datetime) -> NewEntry | None:
    evidence: dict[str, Any] = {
        "message_id": about.message_id,
        "run_id": about.run_id,
        "returned_sha256": digest,
        "class": one.kind.value,
        "status": one.status,
        "code": one.reply_code,
        "rule": one.rule,
    }
    if one.kind is ReturnClass.COMPLAINT:
        # No advertising of this controller any more, on whatever channel.
        return NewEntry(
            about.address_id, Cause.COMPLAINT, now, SOURCE, controller_id=about.controller_id, evidence=evidence
        )
    if one.action is not Action.FAILED or one.kind not in COUNTED:
        return None
    # At once only where the report itself names the address.
    if one.kind is not ReturnClass.HARD or one.recipient is None:
        counted = _given_up(session, about.address_id, now=now)
        if not counted:
            return None
        evidence |= {"failures": counted}
    return NewEntry(about.address_id, Cause.HARD_BOUNCE, now, SOURCE, channel="email", evidence=evidence)


def _given_up(session: Session, address_id: int, *, now: datetime) -> int:
    """How many failures speak against the address, when they are enough to give it up; else 0."""
    chosen = settings()
    patience = Patience(
        failures=chosen.soft_bounces,
        apart=timedelta(days=chosen.soft_bounce_days),
        within=timedelta(days=chosen.soft_bounce_window),
    )
    times = {"address": address_id, "begin": now - patience.within, "quiet": now - timedelta(days=QUIET_DAYS)}
    failures = [Failure(row.at, row.run_id) for row in session.execute(text(_FAILURES), times)]
    last = session.scalar(text(_LAST_SUCCESS), times)
    return len(failures) if is_spent(failures, patience=patience, now=now, last_success=last) else 0
