"""The words of single conditions: operators, and what is asked about consents, purchases, opens and clicks."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_serializer, model_validator

from core.sentences import say
from segments.values import Bounded, Text, checked, iso_date


class Operator(StrEnum):
    """How a field is compared. Which of them a field allows depends on its type."""

    IS = "is"
    IS_NOT = "is_not"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    BETWEEN = "between"
    BEFORE = "before"
    AFTER = "after"
    WITHIN_LAST = "within_last"
    IS_EMPTY = "is_empty"
    IS_NOT_EMPTY = "is_not_empty"


class ConsentState(StrEnum):
    """Where a consent stands. `none`: nobody ever asked."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    WITHDRAWN = "withdrawn"
    NONE = "none"


class Part(BaseModel):
    """A piece of a definition: strict, complete, unchangeable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=True)


class Comparison(Part):
    """One operator with what it compares to, written `{gte: 30}`."""

    operator: Operator
    value: Any

    @model_validator(mode="before")
    @classmethod
    def _from_words(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError(say("Write one comparison, like {gte: 30}."))  # noqa: TRY004 - pydantic reports ValueError
        rest = {key: value for key, value in data.items() if key not in cls.model_fields}
        if len(rest) != 1:
            raise ValueError(say("It needs exactly one operator: %(known)s.", known=", ".join(Operator)))
        ((word, value),) = rest.items()
        if word not in {operator.value for operator in Operator}:
            known = ", ".join(Operator)
            raise ValueError(
                say("%(word)s is no operator. There are: %(known)s.", word=repr(str(word)[:60]), known=known)
            )
        own = {key: value for key, value in data.items() if key in cls.model_fields}
        if {"operator", "value"} & own.keys():
            raise ValueError(say("Write the operator as the key, like {gte: 30}."))
        return own | {"operator": Operator(word), "value": checked(value)}

    @model_serializer
    def _as_words(self) -> dict[str, Any]:
        return {self.operator.value: self.value}


Day = Annotated[date, BeforeValidator(iso_date)]
LONGEST_UNUSED = 36_500
Days = Annotated[int, Field(ge=1, le=36_500)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class ConsentFacts(Part):
    """The consent that is looked for. `since`: confirmed, withdrawn or asked on that day or later.

    `unused_at_least` and `unused_at_most`: so many days ago it was confirmed or last used, whatever came later.
    """

    purpose: Text = "newsletter"
    state: Annotated[ConsentState, BeforeValidator(lambda value: _member(ConsentState, value))]
    channel: Literal["email", "sms", "phone", "post"] = "email"
    since: Day | None = None
    unused_at_least: Days | None = None
    unused_at_most: Days | None = None

    @model_validator(mode="after")
    def _only_what_holds_is_used(self) -> "ConsentFacts":
        if (self.unused_at_least or self.unused_at_most) and self.state is not ConsentState.CONFIRMED:
            raise ValueError(say("Only a consent that holds can be unused: ask for the state confirmed."))
        if (self.unused_at_least or 0) > (self.unused_at_most or LONGEST_UNUSED):
            raise ValueError(say("`unused_at_least` is more than `unused_at_most`; nobody fits that."))
        return self

    @model_validator(mode="after")
    def _none_has_no_date(self) -> "ConsentFacts":
        if self.state is ConsentState.NONE and self.since is not None:
            raise ValueError(say("A consent that was never asked for has no date: leave `since` out."))
        return self


class PurchaseFacts(Part):
    """Which purchases count, and what their number, sum or latest day must be; none of these: at least one.

    A sum is of one currency, EUR unless another is named.
    """

    count: Comparison | None = None
    sum: Comparison | None = None
    last: Comparison | None = None
    category: Text | list[Text] | None = None
    currency: Text | None = None
    within_days: Days | None = None


class HitFacts(Part):
    """Which opens or clicks count: those of people, unless machines are asked for, too.

    `at_least` counts messages, so somebody who opens one message ten times opened one.
    """

    within_days: Days
    at_least: Count = 1
    run: Annotated[int, Bounded] | None = None
    human_only: bool = True


class ClickFacts(HitFacts):
    """Clicks may be narrowed to links whose target contains a text."""

    link: Text | None = None


class ReceivedFacts(Part):
    """How many messages of a purpose somebody got lately."""

    within_days: Days
    purpose: Text | None = None
    at_least: Count = 1


def _member(kind: type[StrEnum], value: Any) -> Any:
    return kind(value) if isinstance(value, str) and value in {member.value for member in kind} else value
