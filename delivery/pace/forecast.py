"""How long a campaign will take under limits, a warm-up and windows: half an hour after the other, on paper. Pure.

An estimate for people. It knows what was used up today, and neither other campaigns that wait, nor rests, nor what is
put off.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import ceil

from delivery.pace.levels import Level, refilled
from delivery.pace.limits import Limit, Limits
from delivery.pace.shares import Lane, shares
from delivery.pace.windows import Windows

# What one worker hands over in a second where nothing limits it.
USUAL_RATE = 200
STEP = timedelta(minutes=30)
# Whatever takes longer takes too long.
HORIZON = timedelta(days=90)


@dataclass(frozen=True)
class Crowd:
    """So many people at one operator, who live by one clock."""

    operator: str
    people: int
    zone: str | None = None


@dataclass(frozen=True)
class Forecast:
    """When the last mail leaves, and how many on each day (UTC). `left`: for whom it is too late, or too long.

    `seconds` counts from the moment at which it may begin, so nights in which no window is open are in it.
    `free_end`: when it would end if its sender had no limits.
    """

    begins: datetime
    ends: datetime
    by_day: Mapping[date, int]
    left: int = 0
    free_end: datetime | None = None

    @property
    def is_slowed(self) -> bool:
        """Whether limits make it longer."""
        return self.free_end is not None and self.free_end < self.ends

    @property
    def seconds(self) -> int:
        """From begin to end."""
        return ceil((self.ends - self.begins).total_seconds())


@dataclass
class _Course:
    """Where it stands: who waits, and what was used up this hour and this day."""

    limits: Limits
    waiting: dict[Lane, int]
    crowds: Mapping[Lane, Crowd]
    codes: Mapping[int, str]
    levels: dict[int | None, Level]
    by_day: Counter[date] = field(default_factory=Counter)
    opening: dict[str | None, datetime | None] = field(default_factory=dict)

    def opens(self, windows: Windows | None, now: datetime) -> dict[Lane, datetime]:
        """Who waits, and from when on mail may leave to them; without those for whom no window comes any more."""
        waiting = [lane for lane, many in self.waiting.items() if many]
        if windows is None:
            return dict.fromkeys(waiting, now)
        for zone in {self.crowds[lane].zone for lane in waiting}:
            known = self.opening.get(zone, now)
            # To look for the next window is slow, and it stays the next one until it is there.
            if known is not None and known <= now:
                found = windows.next_open(now, zone=zone)
                self.opening[zone] = found and found.astimezone(UTC)
        moments = {lane: self.opening[self.crowds[lane].zone] for lane in waiting}
        return {lane: moment for lane, moment in moments.items() if moment is not None}

    def send(self, lanes: Sequence[Lane], *, now: datetime, seconds: float) -> float:
        """Send what may leave to these in so many seconds; answers how many seconds the last of it took."""
        rooms: dict[int, float] = {}
        rates: dict[int, float] = {}
        for number in {lane.operator for lane in lanes}:
            limit = self.limits.of(self.codes[number], day=now.date())
            rates[number] = min(limit.per_second or USUAL_RATE, USUAL_RATE * (limit.share or 1))
            rooms[number] = self._room(number, limit, now, rates[number] * seconds)
        whole = self.limits.of(None, day=now.date())
        rate = min(whole.per_second or USUAL_RATE, USUAL_RATE)
        most = int(self._room(None, whole, now, rate * seconds))
        caps = {
            number: min(int(many), sum(self.waiting[lane] for lane in lanes if lane.operator == number))
            for number, many in rooms.items()
        }
        weighed = [Lane(lane.zone, lane.operator, self.waiting[lane]) for lane in lanes]
        given = shares(weighed, most=most, room=caps) if most else {}
        sent: Counter[int] = Counter()
        for lane in lanes:
            many = min(self.waiting[lane], given.get(Lane(lane.zone, lane.operator, self.waiting[lane]), 0))
            self.waiting[lane] -= many
            sent[lane.operator] += many
        self._note(sent, now)
        return max([sent.total() / rate, *(many / rates[number] for number, many in sent.items())])

    def _room(self, number: int | None, limit: Limit, now: datetime, by_rate: float) -> float:
        """How many may leave to an operator, or in all, until the next step."""
        level = refilled(self.levels.get(number, Level()), limit=limit, now=now)
        self.levels[number] = Level(None, now, level.hour_used, level.day_used)
        rooms = [by_rate]
        if limit.per_hour is not None:
            rooms.append(limit.per_hour - level.hour_used)
        if limit.per_day is not None:
            rooms.append(limit.per_day - level.day_used)
        return max(0.0, min(rooms))

    def _note(self, sent: Counter[int], now: datetime) -> None:
        for number, many in [*sent.items(), (None, sent.total())]:
            level = self.levels[number]
            self.levels[number] = Level(None, now, level.hour_used + many, level.day_used + many)
        if sent.total():
            self.by_day[now.date()] += sent.total()


def forecast(
    crowds: Sequence[Crowd],
    *,
    limits: Limits,
    windows: Windows | None,
    begin: datetime,
    used: Mapping[str | None, Level] | None = None,
) -> Forecast:
    """How it will go from `begin` on. `used`: what is used up, by operator; of the sender as a whole at None."""
    begin = now = begin.astimezone(UTC)
    course = _course(crowds, limits, used or {})
    ends = begin
    while any(course.waiting.values()) and now < begin + HORIZON:
        opens = course.opens(windows, now)
        if not opens:
            break
        if (first := min(opens.values())) > now:
            now = first
            continue
        later = [moment for moment in opens.values() if moment > now]
        until = min([_next_step(now), *later])
        lanes = [lane for lane, moment in opens.items() if moment <= now]
        before = course.by_day.total()
        took = course.send(lanes, now=now, seconds=(until - now).total_seconds())
        if course.by_day.total() > before:
            ends = now + timedelta(seconds=min(took, (until - now).total_seconds()))
        now = until
    return Forecast(begin, ends, dict(course.by_day), left=sum(course.waiting.values()))


def _course(crowds: Sequence[Crowd], limits: Limits, used: Mapping[str | None, Level]) -> _Course:
    codes = dict(enumerate(sorted({one.operator for one in crowds})))
    numbers = {code: number for number, code in codes.items()}
    zones = {zone: number for number, zone in enumerate(sorted({one.zone or "" for one in crowds}))}
    lanes = {Lane(zones[one.zone or ""], numbers[one.operator]): one for one in crowds}
    levels = {
        None if code is None else numbers[code]: level for code, level in used.items() if code in {None, *numbers}
    }
    return _Course(limits, {lane: one.people for lane, one in lanes.items()}, lanes, codes, levels)


def _next_step(now: datetime) -> datetime:
    """The next half hour of the clock."""
    begun = now.replace(minute=0, second=0, microsecond=0)
    return begun + STEP * ((now - begun) // STEP + 1)
