"""Looks at senders as they are kept: asked for, taken up by one process, written down with their date."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import clock
from core.sentences import kept, recalled
from core.tasks import ring
from delivery.doctor.effects import effects
from delivery.doctor.findings import CATALOGUE, Effect, Finding, Record
from delivery.doctor.models import SenderExamination
from delivery.doctor.resolver import RESERVED
from delivery.doctor.run import Examination
from delivery.models import Sender

DOCTOR = "delivery.doctor"

# A process that died while it looked is followed by another one after this.
LOST_AFTER = timedelta(minutes=2)
# So old a look still counts; every sender is looked at once a day.
COUNTS_FOR = timedelta(days=7)
EVERY = timedelta(days=1)
KEPT_FOR = timedelta(days=90)


@dataclass(frozen=True)
class Look:
    """The newest look at a sender that is done, and what each of its findings does now."""

    at: datetime
    requested_by: str
    asked: int
    unanswered: int
    findings: tuple[tuple[Finding, Effect], ...]

    @property
    def is_answered(self) -> bool:
        """Whether the DNS answered anything."""
        return self.unanswered < self.asked or not self.asked

    def of(self, effect: Effect) -> list[Finding]:
        """The findings with this effect."""
        return [finding for finding, does in self.findings if does is effect]


def request_look(session: Session, *, sender_id: int, by: str) -> None:
    """Ask for a look at a sender; who asks twice waits for the same one."""
    session.execute(insert(SenderExamination).values(sender_id=sender_id, requested_by=by).on_conflict_do_nothing())
    ring(session, DOCTOR)


def waiting_since(session: Session, *, sender_id: int) -> datetime | None:
    """Since when a look at this sender is asked for and not done."""
    waiting = SenderExamination.done_at.is_(None)
    return session.scalar(
        select(SenderExamination.requested_at).where(SenderExamination.sender_id == sender_id, waiting)
    )


def take_up(session: Session) -> tuple[int, int] | None:
    """The next look that waits, as its id and its sender's; it is this process's for two minutes."""
    waits = or_(SenderExamination.started_at.is_(None), SenderExamination.started_at < clock.now() - LOST_AFTER)
    row = session.scalar(
        select(SenderExamination)
        .where(SenderExamination.done_at.is_(None), waits)
        .order_by(SenderExamination.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    row.started_at = clock.now()
    return row.id, row.sender_id


def write_down(session: Session, *, look_id: int, found: Examination) -> None:
    """Keep what was found; the second of two processes that looked at the same time changes nothing."""
    sender_id = session.scalar(
        update(SenderExamination)
        .where(SenderExamination.id == look_id, SenderExamination.done_at.is_(None))
        .values(done_at=clock.now(), **_columns(found))
        .returning(SenderExamination.sender_id)
    )
    if sender_id is not None:
        _forget_old(session, sender_id)


def keep_look(session: Session, *, sender_id: int, by: str, found: Examination) -> None:
    """Keep a look that somebody had at once, without asking for it before."""
    now = clock.now()
    session.execute(
        insert(SenderExamination).values(
            sender_id=sender_id, requested_by=by, started_at=now, done_at=now, **_columns(found)
        )
    )


def _forget_old(session: Session, sender_id: int) -> None:
    """What stood in the DNS a quarter of a year ago helps nobody."""
    old = SenderExamination.done_at < clock.now() - KEPT_FOR
    session.execute(delete(SenderExamination).where(SenderExamination.sender_id == sender_id, old))


def _columns(found: Examination) -> dict[str, Any]:
    rows = [_kept(finding) for finding in found.findings]
    return {"asked": found.asked, "unanswered": found.unanswered, "findings": {"findings": rows}}


def ask_daily(session: Session, *, asks_reserved: bool) -> int:
    """Ask for a look at every sender that had none for a day; answers at how many.

    Names that are reserved for examples are left out unless there is a resolver that may know them.
    """
    lately = select(SenderExamination.id).where(
        SenderExamination.sender_id == Sender.id, SenderExamination.requested_at > clock.now() - EVERY
    )
    suffix = func.lower(func.substring(Sender.from_address, r"\.([^.]+)$"))
    due = select(Sender.id).where(~lately.exists(), suffix.not_in(() if asks_reserved else tuple(RESERVED)))
    ids = list(session.scalars(due))
    for sender_id in ids:
        request_look(session, sender_id=sender_id, by="system")
    return len(ids)


def latest_look(session: Session, *, sender_id: int) -> Look | None:
    """The newest look at a sender that is done."""
    return _newest(session, SenderExamination.sender_id == sender_id)


def _newest(session: Session, *conditions: ColumnElement[bool]) -> Look | None:
    row = session.scalar(
        select(SenderExamination)
        .where(SenderExamination.done_at.is_not(None), *conditions)
        .order_by(SenderExamination.done_at.desc(), SenderExamination.id.desc())
        .limit(1)
    )
    if row is None or row.done_at is None or row.findings is None:
        return None
    does = effects(session)
    # A finding of an older version that is not known any more says nothing.
    findings = [_recalled(one) for one in row.findings["findings"] if one["code"] in CATALOGUE]
    return Look(
        at=row.done_at,
        requested_by=row.requested_by,
        asked=row.asked or 0,
        unanswered=row.unanswered or 0,
        findings=tuple((finding, does[finding.code]) for finding in findings),
    )


def counting_look(session: Session, *, sender_id: int) -> Look | None:
    """The newest look that got an answer, unless it is too old to say anything about today.

    A resolver that is silent proves nothing: what an earlier look found wrong is still taken for wrong.
    """
    lately = (SenderExamination.sender_id == sender_id, SenderExamination.done_at > clock.now() - COUNTS_FOR)
    heard = or_(SenderExamination.unanswered < SenderExamination.asked, SenderExamination.asked == 0)
    return _newest(session, *lately, heard) or _newest(session, *lately)


def _kept(finding: Finding) -> dict[str, Any]:
    record = finding.record
    return {
        "code": finding.code,
        "about": finding.about,
        "message": kept(finding.message),
        "remedy": kept(finding.remedy),
        # PostgreSQL keeps no NUL in JSON, and a record may hold one.
        "found": finding.found.replace("\0", "\ufffd"),
        "record": None if record is None else [record.name, record.type, record.value.replace("\0", "\ufffd")],
    }


def _recalled(row: Mapping[str, Any]) -> Finding:
    record = row["record"]
    return Finding(
        code=row["code"],
        about=row["about"],
        message=recalled(row["message"]),
        remedy=recalled(row["remedy"]),
        found=row["found"],
        record=None if record is None else Record(*record),
    )
