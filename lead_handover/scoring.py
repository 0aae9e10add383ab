"""The score: a pure function of events, contact, rules and the moment, explained line by line.

Nothing is added up over time, so a score can be thrown away and rebuilt, whatever the order in which events came in.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import fsum
from typing import Any

from lead_handover.rules import EventRule, ScoreRules
from segments import Fields, holds
from tracking import EventKind, Verdict

# An explanation is for people; whoever opened a thousand mails gets one line for the rest.
MOST_LINES = 40
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS = {EventKind.OPEN: "opened a mail", EventKind.CLICK: "clicked a link", EventKind.UNSUBSCRIBE: "unsubscribed"}


@dataclass(frozen=True, slots=True)
class Hit:
    """One event that may earn points."""

    at: datetime
    kind: EventKind
    message_id: int | None = None
    link_id: int | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What one event or one fit condition added. `before` is its worth on the day it happened, after the cap.

    `capped`: the cap took something off. `words` is the line as people read it in a terminal; pages say it in their own
    language, from `kind` (what happened), `at` and `rule`, or from `count` where a line stands for several.
    """

    rule: str
    words: str
    points: float
    before: float
    at: datetime | None = None
    capped: bool = False
    fit: bool = False
    kind: EventKind | None = None
    count: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The line as it is stored."""
        return {
            "rule": self.rule,
            "words": self.words,
            "points": round(self.points, 2),
            "before": round(self.before, 2),
            "at": self.at.isoformat() if self.at else None,
            "capped": self.capped,
            "fit": self.fit,
            "kind": self.kind,
            "count": self.count,
        }


@dataclass(frozen=True, slots=True)
class Score:
    """The points of one contact at one moment, how many of them are fit, and where they come from, largest first."""

    points: float
    fit: float
    lines: tuple[Line, ...]

    def reaches(self, rules: ScoreRules) -> bool:
        """Whether this is a lead: enough points, enough of them from fit, and something that the person did."""
        return self.points >= rules.threshold and self.fit >= rules.minimum_fit and self.has_interest()

    def has_interest(self, *, since: datetime | None = None) -> bool:
        """Whether something that happened, after `since` if given, earned points."""
        return any(line.points > 0 and line.at and (since is None or line.at > since) for line in self.lines)


def score(
    events: Iterable[Hit], contact: Mapping[str, Any], rules: ScoreRules, now: datetime, *, fields: Fields
) -> Score:
    """The score of a contact, given as its values by field name, at `now`. Later events do not count yet."""
    past = sorted({event for event in events if event.at <= now}, key=_order, reverse=True)
    earned = [line for rule in rules.events for line in _earned(rule, past, now)]
    fitting = list(_fitting(rules, contact, now, fields))
    lines = sorted((*earned, *fitting), key=lambda line: (-abs(line.points), line.rule, line.at or _EPOCH))
    return Score(
        points=fsum(line.points for line in lines),
        fit=fsum(line.points for line in fitting),
        lines=tuple(lines),
    )


def shown(lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    """The lines as they are stored: the largest ones, and one that sums up the rest."""
    rest = lines[MOST_LINES:]
    stored = [line.as_json() for line in lines[:MOST_LINES]]
    if rest:
        worth, before = fsum(line.points for line in rest), fsum(line.before for line in rest)
        stored.append(Line("…", f"{len(rest)} smaller ones together", worth, before, count=len(rest)).as_json())
    return stored


def _order(event: Hit) -> tuple[Any, ...]:
    return (event.at, event.kind, event.message_id or 0, event.link_id or 0)


def _earned(rule: EventRule, newest_first: list[Hit], now: datetime) -> Iterator[Line]:
    """Points of one rule. The newest events come first under a cap, so that an additional one never costs points."""
    left: dict[int, float] = defaultdict(lambda: rule.cap if rule.cap is not None else abs(rule.points))
    for event in _counted(rule, newest_first):
        window = _window(rule, event)
        worth = abs(rule.points)
        if rule.cap is not None:
            worth = min(worth, left[window])
            left[window] -= worth
        if worth <= 0:
            continue
        before = worth if rule.points >= 0 else -worth
        yield Line(
            rule=rule.name,
            words=_told(event, now),
            points=before * _faded(rule, now - event.at),
            before=before,
            at=event.at,
            capped=worth < abs(rule.points),
            kind=event.kind,
        )


def _window(rule: EventRule, event: Hit) -> int:
    return (event.at - _EPOCH) // (rule.cap_days * _DAY) if rule.cap_days else 0


def _counted(rule: EventRule, newest_first: list[Hit]) -> Iterator[Hit]:
    seen: set[tuple[int, int]] = set()
    for event in newest_first:
        if event.kind is not rule.kind or not _is_meant(rule, event):
            continue
        if rule.per_message and event.message_id is not None:
            # Once in each window: if a hit could move its message to another window, it could cost points there.
            mark = (_window(rule, event), event.message_id)
            if mark in seen:
                continue
            seen.add(mark)
        yield event


def _is_meant(rule: EventRule, event: Hit) -> bool:
    """Only opens and clicks are judged; what people do otherwise, such as leaving, needs no verdict."""
    judged = event.kind in {EventKind.OPEN, EventKind.CLICK}
    return not (judged and rule.human_only) or event.verdict is Verdict.HUMAN


def _faded(rule: EventRule, age: timedelta) -> float:
    return 1.0 if rule.half_life_days is None else 0.5 ** (age / (rule.half_life_days * _DAY))


def _fitting(rules: ScoreRules, contact: Mapping[str, Any], now: datetime, fields: Fields) -> Iterator[Line]:
    for rule in rules.fit:
        if holds(rule.when.root, contact=contact, fields=fields, today=now.date()):
            yield Line(rule=rule.name, words=rule.name, points=rule.points, before=rule.points, fit=True)


def _told(event: Hit, now: datetime) -> str:
    days = (now.date() - event.at.date()).days
    when = {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")
    return f"{_WORDS.get(event.kind, event.kind.replace('_', ' '))} {when}"
