"""People to be called, written a letter or a text message by others: a file of those whom the gate lets pass.

The same gate decides, with the rules and lists of that channel, and its decisions are stored like those about mails,
refusals included. A file has a number, a purpose and an end: as soon as one of the lists it rests on is too old it must
not be used any more. What the other side hears comes back with `crusoe import results`.
"""

import csv
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Row, insert, null, select
from sqlalchemy.orm import Session

from campaigns.approval import require_unchanged
from campaigns.models import Campaign, ChannelExport
from campaigns.states import CampaignState
from contacts.models import Channel, Contact, Controller, Endpoint, Kind
from core import audit, clock, quarantine
from core.errors import NotAllowed, WrongInput
from core.permissions import Permission
from core.sentences import say
from core.tables import safe
from core.users import Actor
from delivery.models import Sender
from segments import audience
from segments.models import Segment
from suppression import UNKNOWN, Assessment, Question, Stage, assess, current, record_decisions
from suppression.models import ListVersion, StoredDecision
from tracking import Sending, note_exposures

KINDS = {"calls": Channel.PHONE, "sms": Channel.SMS, "post": Channel.POST}

# What two people agreed to, and nothing else.
APPROVED = frozenset(
    {CampaignState.APPROVED, CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED, CampaignState.DONE}
)

# Where no list has to be asked: objections come in every day, so a file is good for a fortnight at most.
LONGEST = timedelta(days=14)

COLUMNS = (
    "export", "valid_until", "purpose", "number", "first_name", "last_name", "language", "endpoint", "basis", "hours",
)  # fmt: skip


@dataclass(frozen=True)
class Exported:
    """A file that was made. `counts`: as of a check, everybody once."""

    export: str
    campaign: str
    channel: str
    people: int
    counts: dict[str, Any]
    valid_until: datetime
    sha256: str
    file: str


def export(session: Session, *, campaign: Campaign, channel: Channel, actor: Actor, path: Path) -> Exported:
    """Decide, write the file, and put both on record.

    Until the caller has committed the file has another name; `publish` gives it its own.
    """
    actor.require(Permission.EXPORT_CONTACTS)
    quarantine.refuse_while_blind(session)
    _require_approval(session, campaign)
    question, found = _decide(session, campaign, channel)
    batch = _record(session, found)
    code = f"{campaign.code}-{channel.value}-{secrets.token_hex(4)}"
    until = valid_until(session, found)
    digest, people = _write(session, path, batch=batch, code=code, until=until, question=question)
    _count(session, batch=batch, question=question)
    values = {"code": code, "campaign_id": campaign.id, "channel": channel, "purpose": question.purpose}
    made = {"decision_batch_id": batch, "counts": found.counts(), "people": people, "sha256": digest}
    session.execute(
        insert(ChannelExport).values(**values, **made, valid_until=until, made_by=actor.email, made_at=clock.now())
    )
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action="channel.export",
        object_type="campaign",
        object_id=campaign.id,
        export=code,
        channel=channel.value,
        people=people,
        sha256=digest.hex(),
        valid_until=until.isoformat(),
    )
    return Exported(code, campaign.code, channel.value, people, found.counts(), until, digest.hex(), str(path))


def publish(path: Path) -> None:
    """Give the file its name, now that what stands in it is on record."""
    _unfinished(path).replace(path)


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.unfinished")


def _require_approval(session: Session, campaign: Campaign) -> None:
    if campaign.state not in APPROVED:
        raise NotAllowed(
            "not_approved",
            say("Campaign %(code)s is not approved.", code=campaign.code),
            say("Somebody else has to approve it first."),
        )
    require_unchanged(session, campaign=campaign, action="approve")


def _decide(session: Session, campaign: Campaign, channel: Channel) -> tuple[Question, Assessment]:
    segment = session.get_one(Segment, campaign.segment_id)
    sender = session.get_one(Sender, campaign.sender_id)
    question = Question(
        channel=channel.value, purpose=campaign.purpose, controller_id=sender.controller_id, topic=campaign.topic
    )
    return question, assess(session, audience=audience(session, segment.code, channel=channel), question=question)


def _record(session: Session, found: Assessment) -> int:
    people = select(null().cast(BigInteger).label("message_id"), found.rows.c.address_id)
    return record_decisions(session, found, stage=Stage.EXPORT, messages=people).batch_id


def valid_until(session: Session, found: Assessment) -> datetime:
    """When the first of the lists that were asked is too old, or after a fortnight: whatever comes first."""
    asked = [version for version in found.list_versions.values() if version is not None]
    published = dict(
        session.execute(select(ListVersion.list_id, ListVersion.published_at).where(ListVersion.id.in_(asked))).all()
    )
    duties = current(session).settings.lists_for(found.question.channel, on=found.as_of.date())
    ends = [published[duty.list_id] + timedelta(days=duty.max_age_days) for duty in duties if duty.list_id in published]
    # A list that is too old already holds those whom it concerns, and says nothing about the others.
    return min([end for end in ends if end > found.as_of] + [found.as_of + LONGEST])


def _write(
    session: Session, path: Path, *, batch: int, code: str, until: datetime, question: Question
) -> tuple[bytes, int]:
    digest, people = sha256(), 0
    try:
        with _unfinished(path).open("w", encoding="utf-8-sig", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            when = _Hours(session, question, until=until)
            for row in _cleared(session, batch, Channel(question.channel)):
                said = (row.number, row.first_name, row.last_name, row.language, row.value, row.basis)
                about = (code, until.isoformat(timespec="seconds"), question.purpose)
                rows.writerow((*about, *map(_harmless, said), when.for_people(row.country or UNKNOWN, row.kind)))
                people += 1
        digest.update(_unfinished(path).read_bytes())
    except OSError as error:
        raise WrongInput(
            "file_unwritable", say("%(path)s cannot be written: %(why)s.", path=path, why=error.strerror)
        ) from error
    return digest.digest(), people


class _Hours:
    """When the people of each country may be reached, as words: `mon-fri 10:00-13:00, mon-fri 14:00-20:00`.

    More than one set of hours, of the law and of the house: all have to be kept. The public holidays on which nobody
    may be called are named as far as the file is good: `not on 2026-12-25`.
    """

    def __init__(self, session: Session, question: Question, *, until: datetime) -> None:
        self._settings, self._channel, self._now = current(session).settings, question.channel, clock.now()
        self._until = until
        self._sender = session.get_one(Controller, question.controller_id).country

    def for_people(self, country: str, kind: Kind) -> str:
        law = self._settings.policy_for(
            country=country, sender=self._sender, channel=self._channel, kind=kind, on=self._now
        )
        sets = [", ".join(one) for one in self._settings.hours_for(law, channel=self._channel)]
        # Where people live the day may have begun already.
        last = (self._until + timedelta(days=1)).date()
        closed = self._settings.closed_days(law, first=self._now.date(), last=last)
        return " & ".join([*sets, *([f"not on {', '.join(map(str, closed))}"] if closed else [])])


def _cleared(session: Session, batch: int, channel: Channel) -> Iterator[Row[Any]]:
    return session.execute(
        select(
            Contact.number,
            Contact.first_name,
            Contact.last_name,
            Contact.language,
            Contact.country,
            Contact.kind,
            Endpoint.value,
            StoredDecision.basis,
        )
        .select_from(StoredDecision)
        .join(Endpoint, (Endpoint.address_id == StoredDecision.address_id) & (Endpoint.channel == channel))
        .join(Contact, Contact.id == Endpoint.contact_id)
        .where(StoredDecision.batch_id == batch, StoredDecision.verdict == "send")
        .order_by(StoredDecision.id)
    )


def _harmless(cell: str | None) -> str:
    """A cell that a spreadsheet does not take for a formula (CWE-1236); a telephone number keeps its plus sign."""
    is_number = cell is not None and cell[:1] == "+" and cell[1:].isdigit()
    return str(cell) if is_number else safe(cell)


def _count(session: Session, *, batch: int, question: Question) -> None:
    """A person in the file counts as written to: nobody knows what the other side does, and when."""
    rows = session.execute(
        select(StoredDecision.address_id, StoredDecision.basis).where(
            StoredDecision.batch_id == batch, StoredDecision.verdict == "send"
        )
    )
    now = clock.now()
    note_exposures(
        session,
        [Sending(row.address_id, question.channel, question.purpose, str(row.basis), now) for row in rows],
    )
