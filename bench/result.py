"""What a measurement answers, and what is made of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.goals import GOALS, Goal

# When the yardstick itself varies by more than this from round to round, the machine was too busy to judge anything.
STEADY = 2.0


@dataclass(frozen=True)
class Measured:
    """One figure: what our side and the yardstick did in each round, in the same unit, or why there is no figure.

    Where the goal is about time per row, both are times; where it is about rates, both are rates. `yardstick` may be
    empty when `ours` are no ratios of anything, such as hits lost.
    """

    id: str
    ours: Sequence[float] = ()
    yardstick: Sequence[float] = ()
    unit: str = ""
    note: str = ""
    skipped: str = ""

    @property
    def ratios(self) -> list[float]:
        """Ours divided by the yardstick, round by round."""
        if not self.yardstick:
            return [float(value) for value in self.ours]
        return [our / their for our, their in zip(self.ours, self.yardstick, strict=True)]


@dataclass(frozen=True)
class Judged:
    """A figure beside its goal. `verdict`: goal, floor, MISSED, too noisy, few rounds, skipped."""

    measured: Measured
    goal: Goal
    ratio: float | None
    least: float | None
    most: float | None
    verdict: str

    @property
    def failed(self) -> bool:
        """Whether a floor was missed in a measurement that may be judged."""
        return self.verdict == "MISSED"


def judge(measured: Measured, *, rounds_needed: int) -> Judged:
    """Hold a figure against its floor and its goal."""
    goal = GOALS[measured.id]
    ratios = measured.ratios
    if measured.skipped or not ratios:
        return Judged(measured, goal, None, None, None, "skipped")
    # A loss is judged by its worst round: one good round does not bring back what another lost.
    middle = median(ratios) if measured.yardstick else max(ratios)
    if measured.yardstick and max(measured.yardstick) > STEADY * min(measured.yardstick):
        verdict = "too noisy"
    elif len(ratios) < rounds_needed:
        verdict = "few rounds"
    elif goal.reached(middle, goal.goal):
        verdict = "goal"
    else:
        verdict = "floor" if goal.reached(middle, goal.floor) else "MISSED"
    return Judged(measured, goal, middle, min(ratios), max(ratios), verdict)


def as_json(judged: Iterable[Judged]) -> Mapping[str, Any]:
    """`id -> {ratio, floor, goal, rounds}` and what explains them, for tools that compare releases."""
    return {
        one.measured.id: {
            "ratio": one.ratio,
            "floor": one.goal.floor,
            "goal": one.goal.goal,
            "rounds": len(one.measured.ratios),
            "min": one.least,
            "max": one.most,
            "lower_is_better": one.goal.lower,
            "verdict": one.verdict,
            "note": one.measured.skipped or one.measured.note,
            "unit": one.measured.unit,
            "ours": list(one.measured.ours),
            "yardstick": list(one.measured.yardstick),
        }
        for one in judged
    }
