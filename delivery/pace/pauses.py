"""When an operator gets nothing for a while, and for how long. Pure.

The first pause is as long as a mail waits that was put off once, usually a minute, and each further one is twice as
long. When everything went well for as long as the last pause lasted, one step is forgotten.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

FIRST = timedelta(minutes=1)
LONGEST = timedelta(hours=4)
MOST_STEPS = 8

# A tenth of a batch, and not a single answer among many, has to say that we send too much.
LEAST_SHARE = 0.1
LEAST_ANSWERS = 2
# Of answers that name no reason it takes more: half of a batch, and at least so many.
VAGUE_SHARE = 0.5
VAGUE_ANSWERS = 10


@dataclass(frozen=True)
class Answers:
    """What came of one batch for one operator. `asked`: how long a server wants us to wait; `said`: its words."""

    accepted: int = 0
    put_off: int = 0
    slowed: int = 0
    hard: int = 0
    policy: int = 0
    unknown: int = 0
    personal: int = 0
    asked: timedelta = field(default=timedelta())
    said: str = ""

    @property
    def tried(self) -> int:
        """All of them."""
        return self.accepted + self.put_off + self.slowed + self.hard + self.policy + self.unknown + self.personal

    @property
    def against_us(self) -> int:
        """How many say that we send too much, or are not wanted."""
        return self.slowed + self.policy

    @property
    def want_less(self) -> bool:
        """Whether the operator wants less from us."""
        clear = self.against_us >= LEAST_ANSWERS and self.against_us >= self.tried * LEAST_SHARE
        vague = self.put_off >= VAGUE_ANSWERS and self.put_off >= self.tried * VAGUE_SHARE
        return clear or vague


@dataclass(frozen=True)
class Rest:
    """How it stands between a sender and an operator. `steps` counts pauses that are not forgotten yet."""

    steps: int = 0
    until: datetime | None = None
    said: str | None = None


def length(steps: int, *, first: timedelta = FIRST) -> timedelta:
    """How long the pause with this number is; the first one is 1."""
    return min(LONGEST, first * 2 ** min(steps - 1, MOST_STEPS)) if steps > 0 else timedelta()


def after(answers: Answers, *, rest: Rest, now: datetime, first: timedelta = FIRST) -> Rest:
    """How it stands after a batch. What was under way when a pause began does not make it longer."""
    if rest.until is not None and rest.until > now:
        return rest
    if answers.want_less:
        steps = min(rest.steps + 1, MOST_STEPS + 1)
        return Rest(steps, now + max(length(steps, first=first), min(answers.asked, LONGEST)), answers.said)
    went_well = answers.accepted > 0 and answers.against_us == 0
    if rest.steps and went_well and (rest.until is None or now - rest.until >= length(rest.steps, first=first)):
        return Rest(rest.steps - 1, now, rest.said if rest.steps > 1 else None)
    return rest
