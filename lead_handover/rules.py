"""Score rules as data: what earns points, how fast they fade, and when somebody becomes a lead."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from core.errors import WrongInput
from core.sentences import say
from segments import Definition, Fields, parse, require_local
from tracking import EventKind

Points = Annotated[float, Field(ge=-1_000, le=1_000, allow_inf_nan=False)]
Days = Annotated[float, Field(gt=0, le=3_650, allow_inf_nan=False)]
Words = Annotated[str, Field(min_length=1, max_length=100)]

MOST_RULES = 50


def _condition(value: Any) -> Any:
    if isinstance(value, Definition):
        return value
    try:
        return parse(value)
    except WrongInput as error:
        raise ValueError(str(error)) from error


Condition = Annotated[
    Definition,
    BeforeValidator(_condition),
    PlainSerializer(lambda definition: definition.data, return_type=dict),
]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class EventRule(_Rule):
    """Points for something that happened.

    They halve every `half_life_days`; without it they stay. `cap` bounds what the rule counts before fading, in each
    window of `cap_days` days (of the calendar, so that old windows never move) or altogether. Of one message the latest
    hit of a window counts, unless `per_message` is off.
    """

    name: Words
    kind: Annotated[EventKind, Field(strict=False)]
    points: Points
    half_life_days: Days | None = None
    cap: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)] | None = None
    cap_days: Annotated[int, Field(ge=1, le=3_650)] | None = None
    human_only: bool = True
    per_message: bool = True


class FitRule(_Rule):
    """Points for who somebody is. `when` is a segment condition on fields of the contact."""

    name: Words
    points: Points
    when: Condition


class ScoreRules(_Rule):
    """Everything that decides about a lead. A lead needs `threshold` points in all and `minimum_fit` of them from fit.

    Sales has `sla_hours` to answer. Somebody rejected as "not now" comes back after `recycle_days` and something new.
    `webhooks` names the targets that are told; `notice_sender` is the sender of mails to sales, none without it.
    Whoever objected to mails for `purpose` is not handed over either.
    """

    events: Annotated[list[EventRule], Field(min_length=1, max_length=MOST_RULES)]
    fit: Annotated[list[FitRule], Field(max_length=MOST_RULES)] = []
    threshold: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
    minimum_fit: Points = 0
    sla_hours: Annotated[float, Field(gt=0, le=720)] = 24
    recycle_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    purpose: Words = "newsletter"
    notice_sender: Words | None = None
    webhooks: Annotated[list[Words], Field(max_length=20)] = []


def read(data: Any, *, fields: Fields | None = None, today: date | None = None) -> ScoreRules:
    """Score rules from YAML or JSON. WrongInput names the place; with `fields`, conditions are checked against them."""
    try:
        rules = ScoreRules.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]).lstrip(".")
        raise WrongInput(
            "score_rules_invalid", say("This does not fit here: %(problem)s.", problem=first["msg"]), where=place
        ) from error
    names = [rule.name for rule in rules.events] + [rule.name for rule in rules.fit]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        raise WrongInput(
            "score_rules_invalid",
            say("Two rules are named %(name)s; an explanation needs one name each.", name=repr(doubled)),
        )
    if fields is not None:
        for position, rule in enumerate(rules.fit):
            place = f"fit[{position}].when"
            require_local(rule.when.root, fields=fields, today=today or datetime.now(UTC).date(), where=place)
    return rules


class RejectReason(StrEnum):
    """Why sales turned a lead down. Only `not_now` lets it come back."""

    NOT_NOW = "not_now"
    NO_INTEREST = "no_interest"
    NO_BUDGET = "no_budget"
    WRONG_CONTACT = "wrong_contact"
    ALREADY_CUSTOMER = "already_customer"
    UNREACHABLE = "unreachable"
