"""What a recipient can decide on the preference page, and how it stands now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import Choice, as_written, choice, choose
from contacts.consent_models import Consent
from contacts.models import Channel, TrackingLevel
from core import audit, clock
from delivery import enqueue, notice_run
from preferences.models import SignupForm
from preferences.notices import FRESH_LINK
from preferences.recipient import Recipient
from suppression import Cause, entries, note_decided

# An old mail may lie around or have been forwarded. Deciding is always possible; seeing data needs a younger link.
LINK_SHOWS_DATA = timedelta(days=30)
BETWEEN_LINKS = timedelta(hours=24)


class Pause(StrEnum):
    """How long to write nothing, counted in months; `keep` leaves a running pause as it is."""

    NONE = "0"
    ONE = "1"
    THREE = "3"
    SIX = "6"
    KEEP = "keep"


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


class Decisions(BaseModel):
    """The form of the preference page, checked at the edge; anything that it does not have is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Annotated[Literal["de", "en"] | None, BeforeValidator(_empty_is_none)] = None
    tracking: TrackingLevel = TrackingLevel.NONE
    most_per_month: Annotated[Literal["1", "2", "4"] | None, BeforeValidator(_empty_is_none)] = None
    pause: Pause = Pause.KEEP
    topics: list[str] = []
    profiling: Literal["no"] | None = None


@dataclass(frozen=True)
class Standing:
    """How things are for one recipient now."""

    chosen: Choice
    topics: tuple[str, ...]
    subscribed: bool
    objected: bool
    shows_data: bool


def standing(session: Session, who: Recipient) -> Standing:
    """What the preference page shows. Changes nothing."""
    stopped = [
        entry
        for entry in entries(session, address_id=who.address_id)
        if entry.cause is Cause.OPTED_OUT and entry.lifted_at is None
    ]
    confirmed = _confirmed_at(session, who)
    stopped = [entry for entry in stopped if confirmed is None or entry.at >= confirmed]
    return Standing(
        chosen=choice(session, who.address_id),
        topics=_topics(session, who),
        subscribed=confirmed is not None and not stopped,
        objected=any(entry.channel is None and entry.purpose is None for entry in stopped),
        shows_data=clock.now() - _sent_at(who) <= LINK_SHOWS_DATA,
    )


def save(session: Session, who: Recipient, *, decisions: Decisions) -> None:
    """Store what the person decided. Who the person is follows from the link, never from the form."""
    offered = _topics(session, who)
    values: dict[str, object] = {
        "tracking": decisions.tracking,
        "language": decisions.language,
        "most_per_month": int(decisions.most_per_month) if decisions.most_per_month else None,
        "profiling": decisions.profiling is None,
        "topics_off": tuple(topic for topic in offered if topic not in decisions.topics),
    }
    if decisions.pause is not Pause.KEEP:
        months = int(decisions.pause)
        values["paused_until"] = clock.now() + timedelta(days=30 * months) if months else None
    now = clock.now()
    chosen = choose(session, who.address_id, **values)
    note_decided(session, address_id=who.address_id, decided=as_written(chosen), at=now)
    audit.record(
        session,
        actor="recipient",
        action="preferences.change",
        object_type="address",
        object_id=who.address_id,
        tracking=decisions.tracking.value,
        profiling=decisions.profiling is None,
        message_id=who.token.message_id,
    )


def send_fresh_link(session: Session, who: Recipient, *, locale: str) -> None:
    """Send a young link to the address on file, at most one a day; a link that somebody found shows nobody's data."""
    if who.controller is None or who.sender is None or who.address is None:
        return
    enqueue(
        session,
        run_id=notice_run(session, FRESH_LINK, sender=who.sender, controller=who.controller, locale=locale),
        address_id=who.address_id,
        contact_id=who.contact_id,
        # The same day is the same occasion, and is not answered twice.
        occurrence=int(clock.now().timestamp() // BETWEEN_LINKS.total_seconds()),
    )


def _topics(session: Session, who: Recipient) -> tuple[str, ...]:
    """The topics of all forms of the controller that wrote."""
    if who.controller is None:
        return ()
    lists = session.scalars(select(SignupForm.topics).where(SignupForm.controller_id == who.controller.id))
    return tuple(sorted({topic for topics in lists for topic in topics}))


def _confirmed_at(session: Session, who: Recipient) -> datetime | None:
    return session.scalar(
        select(Consent.confirmed_at)
        .where(
            Consent.address_id == who.address_id,
            Consent.channel == Channel.EMAIL,
            Consent.withdrawn_at.is_(None),
            Consent.confirmed_at.is_not(None),
        )
        .order_by(Consent.confirmed_at.desc())
        .limit(1)
    )


def _sent_at(who: Recipient) -> datetime:
    return datetime.fromtimestamp(who.token.sent_at, tz=clock.now().tzinfo)
