"""When the people of an audience will get their mail: how many by which clock, and when their window opens."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from delivery.pace.models import ClockZone
from delivery.pace.windows import Windows
from delivery.pace.zones import placed
from suppression import Assessment


@dataclass(frozen=True)
class Expected:
    """So many people by one clock; `opens` is None when no window comes any more."""

    zone: str
    people: int
    opens: datetime | None


def expected(session: Session, assessment: Assessment, *, windows: Windows, begin: datetime) -> list[Expected]:
    """Those of an audience who may get it, by time zone, the largest first, as if it began at this moment."""
    rows = assessment.rows
    place = placed(session, windows, source=rows, contact_id=rows.c.contact_id, now=begin)
    many = func.count().label("people")
    query = (
        select(place.zone.label("zone"), many, func.min(place.opens).label("opens"))
        .select_from(place.source)
        .where(rows.c.verdict == "send")
        .group_by(text("1"))
        .subquery()
    )
    found = select(ClockZone.name, query.c.people, query.c.opens).join(query, query.c.zone == ClockZone.id)
    return [
        Expected(zone=row.name, people=row.people, opens=row.opens)
        for row in session.execute(found.order_by(query.c.people.desc(), ClockZone.name))
    ]
