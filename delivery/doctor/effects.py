"""What each finding does to a release: block it, warn, or only inform. The usual follows from how bad it is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit, clock
from core.errors import WrongInput
from core.permissions import Permission
from core.sentences import say
from core.users import Actor
from delivery.doctor.findings import CATALOGUE, USUAL_EFFECT, Effect, Severity
from delivery.doctor.models import FindingEffect
from delivery.doctor.titles import TITLES


@dataclass(frozen=True)
class EffectView:
    """One finding in a few words, and what it does. `set_by` is empty where nobody decided."""

    code: str
    title: str
    severity: Severity
    source: str
    usual: Effect
    effect: Effect
    set_by: str = ""
    set_at: datetime | None = None
    reason: str = ""


def usual_effect(code: str) -> Effect:
    """What a finding does unless somebody decided otherwise."""
    return USUAL_EFFECT[CATALOGUE[code][0]]


def effects(session: Session) -> dict[str, Effect]:
    """What every finding does now."""
    decided: Mapping[str, Effect] = dict(session.execute(select(FindingEffect.code, FindingEffect.effect)).all())
    return {code: decided.get(code, usual_effect(code)) for code in CATALOGUE}


def effect_list(session: Session) -> list[EffectView]:
    """Every finding that can be bad, with what it does and who decided so."""
    decided = {row.code: row for row in session.scalars(select(FindingEffect))}
    return [
        _decided(EffectView(code, TITLES[code], severity, source, usual_effect(code), usual_effect(code)), decided)
        for code, (severity, source) in CATALOGUE.items()
        if severity is not Severity.GOOD
    ]


def _decided(view: EffectView, decided: Mapping[str, FindingEffect]) -> EffectView:
    row = decided.get(view.code)
    if row is None:
        return view
    return replace(view, effect=row.effect, set_by=row.set_by, set_at=row.set_at, reason=row.reason)


def set_effect(session: Session, *, code: str, effect: Effect, actor: Actor, reason: str) -> EffectView:
    """Decide what a finding does from now on, with a reason; the usual effect takes an earlier decision back."""
    actor.require(Permission.MANAGE_SENDERS)
    if code not in CATALOGUE or CATALOGUE[code][0] is Severity.GOOD:
        raise WrongInput(
            "finding_unknown", say("There is no finding %(code)s.", code=repr(code[:60])),
            say("See `crusoe finding list`."), where="code",
        )  # fmt: skip
    if not reason.strip():
        raise WrongInput("reason_missing", say("Say why."), where="reason")
    before = effects(session)[code]
    session.merge(
        FindingEffect(code=code, effect=effect, set_at=clock.now(), set_by=actor.email, reason=reason.strip())
    )
    audit.record(
        session,
        actor=actor.email,
        user_id=actor.id,
        action="finding.effect",
        object_type="finding",
        object_id=code,
        reason=reason.strip(),
        before=before,
        after=effect,
    )
    session.flush()
    return next(one for one in effect_list(session) if one.code == code)
