"""What other systems and salespeople are told, at least once, however often something in between dies.

A row is written in the transaction of what it tells. It is claimed with a lease, posted while no transaction is open,
and settled. A process that dies in between leaves a lease that runs out, and the same key is posted again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import any_, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import audit, clock
from core.errors import NotAllowed, NotFound
from core.sentences import say
from core.tasks import ring
from lead_handover.backoff import next_try
from lead_handover.models import Outbox, WebhookTarget
from lead_handover.rules import ScoreRules
from lead_handover.webhook import Answer

# What a target can be told besides leads.
EVENTS = ("list.due", "list.outdated")

JOB = "lead_handover.post"
BATCH = 10
# Ten attempts of at most some seconds each fit in well.
LEASE = timedelta(minutes=5)


def announce(session: Session, *, handover_id: int, what: str, rules: ScoreRules, now: datetime) -> None:
    """Write down who must be told about a handover. `what`: `handed_over` or `escalated`. Repeating it adds nothing."""
    told = [("webhook", name) for name in rules.webhooks]
    told += [("mail", rules.notice_sender)] if rules.notice_sender else []
    if not told:
        return
    rows = [
        {
            "key": f"lead-{handover_id}-{what}-{kind}-{target}",
            "kind": kind,
            "target": target,
            "body": {"handover_id": handover_id, "what": what},
            "created_at": now,
            "next_at": now,
        }
        for kind, target in told
    ]
    session.execute(insert(Outbox).values(rows).on_conflict_do_nothing())
    ring(session, JOB)


def tell(session: Session, *, event: str, key: str, data: Mapping[str, Any], now: datetime) -> int:
    """Write down for every target that hears this event what to tell it; answers for how many that is new.

    `key` stands for what happened: telling it again adds nothing. `data` is posted as it is and must name no person.
    """
    hearing = select(WebhookTarget.name).where(WebhookTarget.active, any_(WebhookTarget.events) == event)
    rows = [
        {
            "key": f"{key}-webhook-{name}",
            "kind": "webhook",
            "target": name,
            "body": {"event": event, "data": dict(data)},
            "created_at": now,
            "next_at": now,
        }
        for name in session.scalars(hearing.order_by(WebhookTarget.name))
    ]
    if not rows:
        return 0
    written = insert(Outbox).values(rows).on_conflict_do_nothing().returning(Outbox.id)
    new = len(session.scalars(written).all())
    if new:
        ring(session, JOB)
    return new


def claim(session: Session, *, now: datetime, most: int = BATCH) -> Sequence[Outbox]:
    """Take due rows: counted as an attempt and leased, so that nobody else posts them for a while."""
    due = (
        select(Outbox.id)
        .where(
            Outbox.delivered_at.is_(None),
            Outbox.given_up_at.is_(None),
            Outbox.next_at <= now,
            or_(Outbox.lease_until.is_(None), Outbox.lease_until < now),
        )
        .order_by(Outbox.next_at, Outbox.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(
        update(Outbox)
        .where(Outbox.id.in_(due.scalar_subquery()))
        .values(lease_until=now + LEASE, attempts=Outbox.attempts + 1)
        .returning(Outbox)
    ).all()


def settle(session: Session, *, outbox_id: int, attempts: int, answer: Answer, now: datetime) -> None:
    """Keep the answer: heard, or when to try again, or given up for people to see.

    Only the attempt that still holds the row settles it; one whose lease ran out meanwhile has nothing to say, unless
    the message was heard, which stays true whoever said it.
    """
    row = session.scalar(select(Outbox).where(Outbox.id == outbox_id).with_for_update())
    if row is None or row.delivered_at is not None or (row.attempts != attempts and not answer.heard):
        return
    row.last_answer, row.lease_until = answer.words, None
    if answer.heard:
        row.delivered_at, row.given_up_at = now, None
        return
    again = None if answer.final else next_try(attempts=row.attempts, created_at=row.created_at, now=now)
    if again is not None:
        row.next_at = again
        return
    row.given_up_at = now
    audit.record(
        session,
        actor="system",
        action="outbox.give_up",
        object_type="outbox",
        object_id=row.id,
        reason=answer.words,
        key=row.key,
        attempts=row.attempts,
    )


def undelivered(session: Session) -> Sequence[Any]:
    """What was not heard yet, given up first: key, kind, target, attempts, next_at, given_up_at, last_answer."""
    columns = (Outbox.id, Outbox.key, Outbox.kind, Outbox.target, Outbox.attempts, Outbox.next_at, Outbox.given_up_at)
    return session.execute(
        select(*columns, Outbox.last_answer)
        .where(Outbox.delivered_at.is_(None))
        .order_by(Outbox.given_up_at.is_(None), Outbox.id)
    ).all()


def retry(session: Session, *, outbox_id: int, actor: str) -> None:
    """Begin anew with something that was given up."""
    now = clock.now()
    row = session.scalar(select(Outbox).where(Outbox.id == outbox_id).with_for_update())
    if row is None:
        raise NotFound("outbox_unknown", say("There is no message %(number)s in the outbox.", number=outbox_id))
    if row.delivered_at is not None:
        raise NotAllowed("outbox_delivered", say("Message %(number)s was delivered already.", number=outbox_id))
    row.given_up_at, row.next_at, row.created_at, row.lease_until = None, now, now, None
    audit.record(session, actor=actor, action="outbox.retry", object_type="outbox", object_id=row.id, key=row.key)
    ring(session, JOB)


def oldest_waiting(session: Session) -> datetime | None:
    """Since when the longest waiting message waits."""
    moment: datetime | None = session.scalar(
        text("SELECT min(created_at) FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NULL")
    )
    return moment
