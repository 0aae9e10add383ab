"""The numbers and lists that the rules work with: data, versioned, never changed in place."""

import json
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from core import audit
from suppression.models import RuleSet

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RequiredList(_Strict):
    """A do-not-contact list that must be asked for people in some countries, and how old it may be.

    `unknown_country`: it is asked for people whose country is not known, too. The age counts from publication.
    """

    list_id: str
    countries: tuple[Country, ...]
    unknown_country: bool = True
    max_age_days: int = Field(30, ge=1)

    @property
    def concerned(self) -> tuple[str, ...]:
        """The countries it is asked for; an empty one stands for unknown."""
        return (*self.countries, "") if self.unknown_country else self.countries


class Cap(_Strict):
    """At most so many messages in so many days to one person; without a purpose, of all advertising together."""

    messages: int = Field(ge=1)
    days: int = Field(ge=1, le=366)
    purpose: str | None = None


class RuleSettings(_Strict):
    """What a company may decide about the rules. The defaults are the cautious reading of German and Austrian law."""

    stale_after_months: int = Field(18, ge=1)
    lapsed_after_months: int = Field(24, ge=1)
    customer_months: int = Field(24, ge=1)
    required_lists: tuple[RequiredList, ...] = (RequiredList(list_id="at.ecg.file", countries=("AT",)),)
    caps: tuple[Cap, ...] = ()

    @model_validator(mode="after")
    def _stale_comes_first(self) -> "RuleSettings":
        if self.lapsed_after_months < self.stale_after_months:
            raise ValueError("lapsed_after_months must not be smaller than stale_after_months")
        if len({required.list_id for required in self.required_lists}) < len(self.required_lists):
            raise ValueError("a list is named twice in required_lists")
        return self

    @property
    def digest(self) -> bytes:
        """SHA-256 of the settings in one spelling."""
        return sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).digest()


@dataclass(frozen=True)
class RulesInForce:
    """A version of the settings: what a decision names as the rules it was made under."""

    version: int
    settings: RuleSettings


def current(session: Session) -> RulesInForce:
    """The settings in force. An installation that never chose any works under the defaults, stored as version 1."""
    newest = session.execute(select(RuleSet.id, RuleSet.settings).order_by(RuleSet.id.desc()).limit(1)).first()
    if newest is None:
        return activate(session, RuleSettings(), actor="system")
    return RulesInForce(version=newest.id, settings=RuleSettings.model_validate(newest.settings))


def activate(session: Session, settings: RuleSettings, *, actor: str) -> RulesInForce:
    """Put settings into force as a new version; the same settings again stay the version that they are."""
    # Two first uses at the same moment must not make two versions.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('rule_set'))"))
    newest = session.execute(select(RuleSet.id, RuleSet.sha256).order_by(RuleSet.id.desc()).limit(1)).first()
    if newest is not None and newest.sha256 == settings.digest:
        return RulesInForce(version=newest.id, settings=settings)
    version = session.execute(
        insert(RuleSet)
        .values(settings=settings.model_dump(mode="json"), sha256=settings.digest, activated_by=actor)
        .returning(RuleSet.id)
    ).scalar_one()
    audit.record(session, actor=actor, action="rules.activate", object_type="rule_set", object_id=version)
    return RulesInForce(version=version, settings=settings)


def months_before(moment: datetime, months: int) -> datetime:
    """The same day so many calendar months earlier, or the last day of that month when it is shorter."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))
