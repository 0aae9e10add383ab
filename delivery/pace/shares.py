"""How a batch is mixed: from each operator as much as its part of the run, and no more than its limit allows. Pure.

A batch of one operator after the other would come to each of them as a storm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any


@dataclass(frozen=True)
class Lane:
    """Messages of a run to one operator, for people who live by one clock; `weight` is its part of what was planned."""

    zone: int
    operator: int
    weight: int = 1


def shares(lanes: Sequence[Lane], *, most: int, room: Mapping[int, int]) -> dict[Lane, int]:
    """How many to take from each lane, `most` in all; `room` says how many an operator takes at most.

    What one operator does not take, the others get.
    """
    caps = {operator: min(most, room.get(operator, most)) for operator in {lane.operator for lane in lanes}}
    given = _poured({operator: (cap, _weight(lanes, operator)) for operator, cap in caps.items()}, most)
    found: dict[Lane, int] = {}
    for operator, many in given.items():
        mine = {lane: (many, max(1, lane.weight)) for lane in lanes if lane.operator == operator}
        found |= _poured(mine, many)
    return {lane: many for lane, many in found.items() if many > 0}


def _weight(lanes: Sequence[Lane], operator: int) -> int:
    return sum(max(1, lane.weight) for lane in lanes if lane.operator == operator)


def _poured(vessels: Mapping[Any, tuple[int, int]], most: int) -> dict[Any, int]:
    """Pour `most` into vessels of (size, weight): each gets by its weight, the small ones are filled first."""
    left, weight = most, sum(heavy for _, heavy in vessels.values())
    found: dict[Any, int] = {}
    for key, (size, heavy) in sorted(vessels.items(), key=lambda one: one[1][0] / one[1][1]):
        found[key] = min(size, left, ceil(left * heavy / weight))
        left -= found[key]
        weight -= heavy
    return found
