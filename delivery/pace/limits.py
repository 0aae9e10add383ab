"""What a sender may do, as people write it down: limits, a warm-up, and when the brake falls. Pure.

Percentages are written as numbers: `complaints: 0.1` is a tenth of a percent.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import WrongInput
from core.sentences import say
from delivery.pace.operators import OTHER_CODE, codes

# Every operator that is not named, each for itself.
EACH = "each"

Percent = Annotated[float, Field(ge=0, le=100)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limit(_Document):
    """How many mails may leave. `burst`: how many at once, usually a second's worth; `share`: of a batch, at most 1."""

    per_second: float | None = Field(None, gt=0, le=100_000)
    per_hour: int | None = Field(None, ge=1)
    per_day: int | None = Field(None, ge=1)
    burst: int | None = Field(None, ge=1)
    share: float | None = Field(None, gt=0, le=1)

    @property
    def is_open(self) -> bool:
        """Whether nothing needs to be counted."""
        return self.per_second is None and self.per_hour is None and self.per_day is None

    @property
    def capacity(self) -> float:
        """How many may leave at once."""
        return float(self.burst or max(1.0, self.per_second or 1.0))


class Curve(_Document):
    """What a sender sends on its first day, and what it works up to."""

    first_day: int = Field(ge=1)
    most: int = Field(ge=1)


class WarmUp(Curve):
    """A new sender begins small: `growth` is how many times as much each day as on the day before."""

    start: date
    growth: float = Field(1.5, gt=1, le=10)
    operators: Mapping[str, Curve] = {}

    def volume(self, day: date, *, of: Curve | None = None) -> int | None:
        """How many mails that day; None once the curve has reached what it works up to."""
        curve = of or self
        days = max(0, (day - self.start).days)
        # Past any volume that anybody sends; it keeps the power small.
        grown = curve.first_day * self.growth ** min(days, 400) if days < 400 else float(curve.most)  # noqa: PLR2004
        return None if grown >= curve.most else int(grown)


class Brake(_Document):
    """From when on runs of this sender stop until a person resumes them: shares in percent of what was handed over.

    Nothing counts before `after` mails were. `complaints` of what was accepted; `list_hits`: refused by the gate for a
    list or an opt-out that the plan did not know; `policy`: refused by servers for what we are, not for whom we write
    to; `unknown`: ended in doubt.
    """

    hard_bounces: Percent = 2.0
    complaints: Percent = 0.1
    list_hits: Percent = 5.0
    policy: Percent = 10.0
    unknown: Percent = 5.0
    after: int = Field(500, ge=1)


class Limits(Limit):
    """All of it. `operators` by their codes; `other` are all small ones together, `each` every one not named."""

    operators: Mapping[str, Limit] = {}
    warm_up: WarmUp | None = None
    brake: Brake = Brake()

    @field_validator("operators")
    @classmethod
    def _known(cls, value: Mapping[str, Limit]) -> Mapping[str, Limit]:
        known = {OTHER_CODE, EACH, *codes().values()}
        # A domain may be named, too: it is an operator of its own from its first pause on.
        unknown = sorted(code for code in value if code not in known and "." not in code)
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no operator; there are {', '.join(sorted(known))}, and domains")
        return value

    def of(self, code: str | None, *, day: date) -> Limit:
        """What holds on a day: for an operator by its code, or for the sender as a whole."""
        if code is None:
            named: Limit = self
        else:
            usual = self.operators.get(EACH, _OPEN) if code != OTHER_CODE else _OPEN
            named = self.operators.get(code, usual)
        volume = self._warm(code, day)
        if volume is None:
            return named
        return Limit(
            per_second=named.per_second,
            per_hour=named.per_hour,
            per_day=min(volume, named.per_day or volume),
            burst=named.burst,
            share=named.share,
        )

    def _warm(self, code: str | None, day: date) -> int | None:
        if self.warm_up is None:
            return None
        if code is None:
            return self.warm_up.volume(day)
        curve = self.warm_up.operators.get(code)
        return None if curve is None else self.warm_up.volume(day, of=curve)


_OPEN = Limit()


def read_limits(document: Mapping[str, Any], *, per_second: int | None = None) -> Limits:
    """Limits as they are stored; `per_second` is the limit that stands on the sender itself."""
    limits = Limits.model_validate(document)
    if per_second is None:
        return limits
    least = min(per_second, limits.per_second or per_second)
    return limits.model_copy(update={"per_second": least})


def checked_limits(document: Mapping[str, Any]) -> dict[str, Any]:
    """Limits of a sender as they are stored: without what is usual. Raises WrongInput with the place."""
    return _checked(Limits, document)


def checked_limit(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same for one way out, which knows no operators and no brake."""
    return _checked(Limit, document)


def _checked(model: type[Limit], document: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return model.model_validate(document).model_dump(mode="json", exclude_defaults=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, ("limits", *first["loc"])))
        raise WrongInput(
            "limits", say("%(place)s: %(problem)s.", place=place, problem=first["msg"]), where=place
        ) from error
