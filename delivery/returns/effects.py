"""What follows from a mail that is believed: events, suppression, and the end of a doubt."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from core import clock
from core.settings import settings
from delivery.pace.returned import note_returned
from delivery.returns.belief import About
from delivery.returns.codes import status_in
from delivery.returns.decay import Failure, Patience, is_spent
from delivery.returns.kinds import Action, ReturnClass, Returned
from delivery.returns.resolving import resolve
from delivery.returns.rules import judge
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
    SELECT r.address_id, g.received_at AS at, m.run_id, NULL AS code, NULL AS words
    FROM returned AS r JOIN returned_mail AS g ON g.id = r.mail_id JOIN message AS m ON m.id = g.message_id
    WHERE r.address_id = ANY (:addresses) AND r.matches AND r.class IN ('hard', 'soft', 'mailbox_full')
      AND r.action = 'failed' AND g.received_at > :begin
    UNION ALL
    SELECT e.address_id, e.at, e.run_id, m.reply_code, m.reply_text
    FROM event AS e JOIN message AS m ON m.id = e.message_id
    WHERE e.address_id = ANY (:addresses) AND e.kind = 'soft_bounce' AND e.at > :begin AND m.state = 'failed'
"""

_LAST_SUCCESS = """
    SELECT e.address_id, max(e.at) AS at FROM event AS e
    WHERE e.address_id = ANY (:addresses) AND e.at > :begin AND (
        (e.kind IN ('open', 'click') AND e.verdict = 'human')
        OR (e.kind = 'sent' AND e.at < :quiet AND NOT EXISTS (
            SELECT 1 FROM event AS b WHERE b.message_id = e.message_id AND b.kind IN ('bounce', 'soft_bounce'))))
    GROUP BY e.address_id
"""


def follow(session: Session, about: About, found: Sequence[tuple[Returned, bool]], *, digest: str) -> int:
    """Do what follows; answers how many suppression entries are new. `found`: what came back, and if it matches."""
    now = clock.now()
    ours = [one for one, matches in found if matches]
    for one in ours:
        kind = EVENTS.get(one.kind)
        if kind is not None and one.action is not Action.DELAYED:
            record(session, kind, [Happening(now, about.address_id, about.message_id, about.run_id)])
    against_us = [one for one in ours if one.kind is ReturnClass.POLICY and one.action is Action.FAILED]
    if against_us:
        note_returned(session, message_id=about.message_id, ours=len(against_us))
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
        counted = given_up(session, {about.address_id}, now=now).get(about.address_id)
        if not counted:
            return None
        evidence |= {"failures": counted}
    return NewEntry(about.address_id, Cause.HARD_BOUNCE, now, SOURCE, channel="email", evidence=evidence)


def given_up(session: Session, addresses: Collection[int], *, now: datetime) -> dict[int, int]:
    """How many failures speak against those of these addresses that are to be given up; two queries for all of them."""
    chosen = settings()
    patience = Patience(
        failures=chosen.soft_bounces,
        apart=timedelta(days=chosen.soft_bounce_days),
        within=timedelta(days=chosen.soft_bounce_window),
    )
    times = {"addresses": sorted(addresses), "begin": now - patience.within, "quiet": now - timedelta(days=QUIET_DAYS)}
    failures: dict[int, list[Failure]] = {}
    for row in session.execute(text(_FAILURES), times):
        if _speaks_against_it(row):
            failures.setdefault(row.address_id, []).append(Failure(row.at, row.run_id))
    last = {row.address_id: row.at for row in session.execute(text(_LAST_SUCCESS), times)}
    return {
        address: len(found)
        for address, found in failures.items()
        if is_spent(found, patience=patience, now=now, last_success=last.get(address))
    }


def _speaks_against_it(row: Any) -> bool:
    """Whether a failure is about the mailbox; one at the door of a server is judged by what was said there."""
    if row.code is None:
        return True
    rule = judge(status=status_in(row.words or ""), reply=row.code, words=row.words or "")
    return rule is not None and rule.kind in COUNTED
