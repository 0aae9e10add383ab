"""How a sender stands with each operator of mailboxes: what left, what came back, against what they expect."""

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from contacts import email_address
from core import clock
from delivery.models import Sender
from delivery.pace.limits import Limits, read_limits
from delivery.pace.models import Pace
from delivery.pace.operators import OTHER_CODE, codes, names_of
from delivery.pace.thresholds import COMPLAINTS, DEAD, Status, of_share, of_volume, primary_domain, worst

DAYS = 30
WEEK = 7

_SENT = """
    SELECT r.sender_id, t.operator, t.day, sum(t.accepted)::bigint AS accepted, sum(t.ended)::bigint AS ended
    FROM (
        SELECT run_id, operator, day, accepted, accepted + hard + policy + unknown AS ended
        FROM day_tally WHERE day >= :begin
        UNION ALL
        SELECT run_id, operator, (at AT TIME ZONE 'UTC')::date, accepted, accepted + hard + policy + unknown FROM tally
    ) AS t JOIN run AS r ON r.id = t.run_id
    WHERE r.sender_id = ANY (:senders) GROUP BY 1, 2, 3
"""

_BACK = """
    SELECT r.sender_id, m.operator, (e.at AT TIME ZONE 'UTC')::date AS day,
           count(*) FILTER (WHERE e.kind = 'bounce') AS dead, count(*) FILTER (WHERE e.kind = 'complaint') AS complaints
    FROM run AS r JOIN event AS e ON e.run_id = r.id AND e.kind IN ('bounce', 'complaint')
    JOIN message AS m ON m.id = e.message_id
    WHERE r.sender_id = ANY (:senders) AND e.at >= :begin
      AND (r.finished_at IS NULL OR r.finished_at > CAST(:begin AS date) - 30)
    GROUP BY 1, 2, 3
"""

# Mails of all senders of one primary domain to an operator on its busiest day, as far back as is kept.
_BUSIEST = """
    SELECT operator, max(many) AS many FROM (
        SELECT t.operator, t.day, sum(t.accepted) AS many FROM day_tally AS t JOIN run AS r ON r.id = t.run_id
        WHERE r.sender_id = ANY (:senders) GROUP BY 1, 2
    ) AS days GROUP BY operator
"""


@dataclass
class _Day:
    accepted: int = 0
    ended: int = 0
    dead: int = 0
    complaints: int = 0


@dataclass(frozen=True)
class Standing:
    """How a sender stands with one operator. Rates in percent; None when too few mails left to say anything.

    `worst_day`: the highest share of complaints on one of the last seven days; `busiest_day`: the most mails on a
    day of all senders of the primary domain.
    """

    operator: str
    name: str
    status: Status
    today: int
    week: int
    complaints: int
    worst_day: float | None
    complaint_status: Status
    dead: int
    dead_rate: float | None
    dead_status: Status
    busiest_day: int
    volume_status: Status
    allowed_today: int | None
    used_today: int
    rests_until: datetime | None
    said: str | None


@dataclass(frozen=True)
class WarmDay:
    """A day of a warm-up: what was planned and what left."""

    day: date
    planned: int | None
    sent: int | None


@dataclass(frozen=True)
class Reputation:
    """All of it for one sender."""

    sender: str
    primary_domain: str
    limits: Limits
    standings: list[Standing]
    sent_today: int
    allowed_today: int | None
    warm_up: list[WarmDay] = field(default_factory=list)

    @property
    def status(self) -> Status:
        """The worst of all."""
        return worst(Status.NONE, *(one.status for one in self.standings))


def reputation(session: Session, *, sender: Sender) -> Reputation:
    """How a sender stands, in a handful of queries."""
    now = clock.now()
    limits = read_limits(sender.limits, per_second=sender.most_per_second)
    days = _days(session, sender.id, begin=now.date() - timedelta(days=DAYS))
    domain = _domain(sender)
    busiest = _busiest(session, domain)
    paces = {
        row.operator: row
        for row in session.scalars(select(Pace).where(Pace.sender_id == sender.id, Pace.transport_id == 0))
    }
    known = {number: (one.code, one.name) for number, one in names_of(session).items()}
    standings = [
        _standing(
            operator,
            days.get(operator, {}),
            known=known,
            busiest=busiest.get(operator, 0),
            pace=paces.get(operator),
            limits=limits,
            now=now,
        )
        for operator in sorted({*days, *(number for number in paces if number >= 0)})
    ]
    by_day = _together(days)
    return Reputation(
        sender=sender.code,
        primary_domain=domain,
        limits=limits,
        standings=sorted(standings, key=lambda one: (-list(Status).index(one.status), -one.week, one.operator)),
        sent_today=by_day.get(now.date(), 0),
        allowed_today=limits.of(None, day=now.date()).per_day,
        warm_up=_warm_up(limits, by_day, now.date()),
    )


def reputations(session: Session) -> list[Reputation]:
    """How all senders stand."""
    return [reputation(session, sender=one) for one in session.scalars(select(Sender).order_by(Sender.code)).all()]


def as_rows(found: Reputation) -> list[dict[str, Any]]:
    """One row for each operator, for programs."""
    return [{"sender": found.sender, **asdict(one)} for one in found.standings]


def _domain(sender: Sender) -> str:
    return primary_domain(email_address(sender.from_address).domain)


def _days(session: Session, sender_id: int, *, begin: date) -> dict[int, dict[date, _Day]]:
    found: dict[int, dict[date, _Day]] = defaultdict(lambda: defaultdict(_Day))
    values = {"senders": [sender_id], "begin": begin}
    for row in session.execute(text(_SENT), values):
        day = found[row.operator][row.day]
        day.accepted, day.ended = row.accepted, row.ended
    for row in session.execute(text(_BACK), values):
        day = found[row.operator][row.day]
        day.dead, day.complaints = row.dead, row.complaints
    return found


def _busiest(session: Session, domain: str) -> dict[int, int]:
    same = [one.id for one in session.scalars(select(Sender)) if _domain(one) == domain]
    return {row.operator: int(row.many) for row in session.execute(text(_BUSIEST), {"senders": same})}


def _together(days: dict[int, dict[date, _Day]]) -> dict[date, int]:
    found: dict[date, int] = defaultdict(int)
    for of in days.values():
        for day, one in of.items():
            found[day] += one.accepted
    return found


def _standing(
    operator: int,
    days: dict[date, _Day],
    *,
    known: dict[int, tuple[str, str]],
    busiest: int,
    pace: Pace | None,
    limits: Limits,
    now: datetime,
) -> Standing:
    code, name = known.get(operator, (codes().get(operator, OTHER_CODE), codes().get(operator, OTHER_CODE)))
    today = now.date()
    week = [one for day, one in days.items() if day > today - timedelta(days=WEEK)]
    accepted, ended, dead = (sum(getattr(one, n) for one in week) for n in ("accepted", "ended", "dead"))
    bad_day = max(week, key=lambda one: _rate(one.complaints, one.accepted) or 0, default=_Day())
    complaint_status = of_share(bad_day.complaints, bad_day.accepted, thresholds=COMPLAINTS)
    dead_status = of_share(dead, ended, thresholds=DEAD)
    volume_status = of_volume(max(busiest, days.get(today, _Day()).accepted), operator=code)
    rests = pace is not None and pace.paused_until is not None and pace.paused_until > now
    return Standing(
        operator=code,
        name=name,
        status=worst(complaint_status, dead_status, Status.WARN if rests else Status.NONE),
        today=days.get(today, _Day()).accepted,
        week=accepted,
        complaints=sum(one.complaints for one in week),
        worst_day=_rate(bad_day.complaints, bad_day.accepted),
        complaint_status=complaint_status,
        dead=dead,
        dead_rate=_rate(dead, ended),
        dead_status=dead_status,
        busiest_day=max(busiest, days.get(today, _Day()).accepted),
        volume_status=volume_status,
        allowed_today=limits.of(code, day=today).per_day,
        used_today=pace.day_used if pace and pace.counted_at and pace.counted_at.date() == today else 0,
        rests_until=pace.paused_until if pace and rests else None,
        said=pace.paused_text if pace and rests else None,
    )


def _rate(many: int, of: int) -> float | None:
    return round(many * 100 / of, 3) if of else None


def _warm_up(limits: Limits, sent: dict[date, int], today: date) -> list[WarmDay]:
    """From the first day of the curve, at most two weeks back, to a week from now or its end."""
    curve = limits.warm_up
    if curve is None:
        return []
    first = max(curve.start, today - timedelta(days=2 * WEEK))
    days = [first + timedelta(days=number) for number in range((today - first).days + WEEK + 1)]
    found = [WarmDay(day, curve.volume(day), sent.get(day, 0) if day <= today else None) for day in days]
    return [one for one in found if one.planned is not None or one.day <= today]
