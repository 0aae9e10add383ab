"""Versions of the rules: proposed by one person, put into force by another, kept for good.

What a decision names as its rules is such a version: with every number and every row of law in it, so that it can be
asked again years later.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from core import audit
from core.errors import NotAllowed, NotFound
from core.sentences import say
from core.users import Actor
from suppression.models import RuleActivation, RuleSet
from suppression.rule_settings import RuleSettings

# Who puts the defaults into force when nobody has chosen anything yet.
SYSTEM = "system"


@dataclass(frozen=True)
class RulesInForce:
    """A version of the settings: what a decision names as the rules it was made under."""

    version: int
    settings: RuleSettings


@dataclass(frozen=True)
class RuleVersion:
    """A version as people look at it. Absent `activated_at`: it never was in force."""

    version: int
    proposed_at: datetime
    proposed_by: str
    note: str
    activated_at: datetime | None
    activated_by: str | None
    in_force: bool


def current(session: Session, *, as_of: datetime | None = None) -> RulesInForce:
    """The settings in force, now or at a moment of the past.

    An installation that never chose any works under the defaults, which are stored as its first version.
    """
    asked = select(RuleSet.id, RuleSet.sha256).join(RuleActivation).order_by(RuleActivation.id.desc()).limit(1)
    newest = session.execute(asked if as_of is None else asked.where(RuleActivation.at <= as_of)).first()
    if newest is not None:
        return _read(session, newest.id, bytes(newest.sha256))
    if as_of is not None:
        raise NotFound(
            "no_rules_then",
            say("No rules were in force at %(time)s.", time=as_of.isoformat()),
            say("Name a version instead."),
        )
    return activate(session, RuleSettings(), actor=SYSTEM)


def version(session: Session, number: int) -> RulesInForce:
    """One version, in force or not."""
    found = session.execute(select(RuleSet.id, RuleSet.sha256).where(RuleSet.id == number)).first()
    if found is None:
        raise NotFound(
            "rules_unknown",
            say("There is no version %(number)s of the rules.", number=number),
            say("`crusoe rules list` shows all of them."),
        )
    return _read(session, found.id, bytes(found.sha256))


def versions(session: Session) -> list[RuleVersion]:
    """Every version, the newest first."""
    rows = session.execute(
        select(RuleSet, RuleActivation).outerjoin(RuleActivation).order_by(RuleSet.id.desc(), RuleActivation.id.desc())
    ).all()
    last = max((row.RuleActivation.id for row in rows if row.RuleActivation), default=0)
    newest = {row.RuleSet.id: row for row in reversed(rows)}
    return [
        RuleVersion(
            version=row.RuleSet.id,
            proposed_at=row.RuleSet.proposed_at,
            proposed_by=row.RuleSet.proposed_by,
            note=row.RuleSet.note,
            activated_at=row.RuleActivation.at if row.RuleActivation else None,
            activated_by=row.RuleActivation.activated_by if row.RuleActivation else None,
            in_force=bool(row.RuleActivation) and row.RuleActivation.id == last,
        )
        for row in sorted(newest.values(), key=lambda row: -row.RuleSet.id)
    ]


def propose(session: Session, settings: RuleSettings, *, actor: str, note: str = "") -> int:
    """Store settings as a version that is not in force; answers its number. The newest one again is no new version."""
    # Two first uses at the same moment must not make two versions.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('rule_set'))"))
    newest = session.execute(select(RuleSet.id, RuleSet.sha256).order_by(RuleSet.id.desc()).limit(1)).first()
    if newest is not None and newest.sha256 == settings.digest:
        return int(newest.id)
    number = session.execute(
        insert(RuleSet)
        .values(settings=settings.model_dump(mode="json"), sha256=settings.digest, proposed_by=actor, note=note)
        .returning(RuleSet.id)
    ).scalar_one()
    audit.record(session, actor=actor, action="rules.propose", object_type="rule_set", object_id=number, reason=note)
    return number


def put_into_force(session: Session, number: int, *, actor: Actor) -> RulesInForce:
    """Put a proposed version into force. Who proposed it cannot do that.

    From the commit on every plan and every gate decides by it, and what was approved under the rules before has to be
    approved again.
    """
    found = version(session, number)
    proposed_by = session.get_one(RuleSet, number).proposed_by
    if proposed_by.strip().lower() == actor.email.lower():
        raise NotAllowed(
            "second_person_needed", say("Who proposes rules cannot put them into force."), say("Ask somebody else.")
        )
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('rule_set'))"))
    if current(session).version != number:
        _note_activation(session, number, actor=actor.email)
    return found


def activate(session: Session, settings: RuleSettings, *, actor: str) -> RulesInForce:
    """Put settings into force at once, for an installation where nobody decided anything yet.

    The same settings again stay the version that they are.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('rule_set'))"))
    newest = session.scalar(select(RuleActivation.rule_set_id).order_by(RuleActivation.id.desc()).limit(1))
    number = propose(session, settings, actor=actor)
    if newest != number:
        _note_activation(session, number, actor=actor)
    return RulesInForce(version=number, settings=settings)


def _note_activation(session: Session, number: int, *, actor: str) -> None:
    session.execute(insert(RuleActivation).values(rule_set_id=number, activated_by=actor))
    audit.record(session, actor=actor, action="rules.activate", object_type="rule_set", object_id=number)


# A version never changes, so a process reads it once. The digest tells two databases apart.
_known: dict[tuple[int, bytes], RulesInForce] = {}


def _read(session: Session, number: int, digest: bytes) -> RulesInForce:
    if (number, digest) not in _known:
        stored = session.scalar(select(RuleSet.settings).where(RuleSet.id == number))
        _known[number, digest] = RulesInForce(version=number, settings=RuleSettings.model_validate(stored))
    return _known[number, digest]
