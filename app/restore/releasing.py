"""Ending a quarantine: when everything that can be known is known, or when two people say that it has to do without."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.restore.replaying import required
from core import audit, clock, quarantine
from core.errors import NotAllowed
from core.permissions import Permission
from core.sentences import Sentence, joined, say
from core.tasks import ring
from core.users import Actor
from suppression import journal_ahead, trust_journal

# The journal says every five minutes that it is being written.
TOLERANCE = timedelta(minutes=10)


def obstacles(session: Session, found: quarantine.Quarantine) -> list[Sentence]:
    """What has to be done before one person can release it; of a copy of the journal, whether it goes far enough."""
    return list(_obstacles(session, found))


def _obstacles(session: Session, found: quarantine.Quarantine) -> Iterator[Sentence]:
    if found.replayed_at is None:
        yield say("The journal was not read back: crusoe restore replay JOURNAL --as YOU.")
        return
    if journal_ahead(session).missing:
        yield say("The journal has grown since it was read back: do it again.")
    until, lost_at = (found.details.get(name) for name in ("until", "lost_at"))
    if until is None:
        yield say("The journal that was read back does not say how far it goes.")
    elif lost_at and clock.read(until) < clock.read(lost_at) - TOLERANCE:
        yield say(
            "The journal that was read back goes up to %(until)s, and the installation was lost at %(lost_at)s.",
            until=until,
            lost_at=lost_at,
        )
    if unwritten := found.replay.get("unwritten", 0):
        yield say(
            "The journal says that %(count)s of its lines could not be written: somebody's objection may be one.",
            count=unwritten,
        )
    gaps, unreadable = found.replay.get("gaps", []), found.replay.get("unreadable", 0)
    if gaps or unreadable:
        yield say(
            "Lines of the journal are missing (%(gaps)s) or unreadable (%(count)s).",
            gaps=", ".join(gaps) or "-",
            count=unreadable,
        )


def release(session: Session, *, actor: Actor, reason: str, without_journal: bool) -> dict[str, Any]:
    """Let campaigns be sent again; what was set aside stays where it is. Answers `state`: asked or released.

    Two rights are needed. Where the journal is missing, has gaps or ends too early, two people are needed as well: the
    first asks, the second agrees, and each says why.
    """
    for right in (Permission.EDIT_SUPPRESSION, Permission.RELEASE_HOLDS):
        actor.require(right)
    found = required(session)
    _require_reason(reason)
    _require_settled(found)
    standing = obstacles(session, found)
    if standing and not without_journal:
        raise NotAllowed(
            "not_replayed",
            joined(standing, by=" "),
            say(
                "Find a journal that goes further; --lost-at says when the installation was lost, if that was earlier."
            ),
        )
    if standing and not _is_agreed(found, actor):
        found.asked_by, found.ask_reason = actor.email, reason.strip()
        _record(session, found, actor, "quarantine.ask_release", reason)
        return {"state": "asked", "asked_by": found.asked_by, "obstacles": standing}
    found.released_at, found.released_by, found.release_reason = clock.now(), actor.email, reason.strip()
    # What the journal has and nobody could store must not begin the next quarantine.
    trust_journal(session)
    _record(
        session, found, actor, "quarantine.release", reason, asked_by=found.asked_by, obstacles=list(map(str, standing))
    )
    ring(session, "delivery.send")
    return {"state": "released", "asked_by": found.asked_by, "obstacles": standing}


def _is_agreed(found: quarantine.Quarantine, actor: Actor) -> bool:
    return found.asked_by is not None and found.asked_by.lower() != actor.email.lower()


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise NotAllowed("reason_missing", say("This needs a reason."), say("Say why."), where="reason")


def _require_settled(found: quarantine.Quarantine) -> None:
    if found.settled_at is None:
        raise NotAllowed(
            "not_settled",
            say("What may have been sent after the backup was not set aside yet."),
            say("Start Crusoe with `crusoe up`; it does this first."),
        )


def _record(
    session: Session, found: quarantine.Quarantine, actor: Actor, action: str, reason: str, **details: Any
) -> None:
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action=action,
        object_type="quarantine",
        object_id=found.id,
        reason=reason.strip(),
        **details,
    )
