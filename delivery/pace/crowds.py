"""An audience as limits and windows see it: how many people at which operator, by which clock."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, text
from sqlalchemy.orm import Session

from contacts.models import Endpoint
from core import clock
from delivery.models import Sender
from delivery.pace.forecast import Crowd, Forecast, forecast
from delivery.pace.levels import Level
from delivery.pace.limits import Limits, read_limits
from delivery.pace.models import ALL_OPERATORS, ANY_TRANSPORT, ClockZone, OperatorDomain, Pace
from delivery.pace.operators import OTHER, OTHER_CODE, codes, names_of
from delivery.pace.windows import Windows
from delivery.pace.zones import placed
from suppression import Assessment


def foresee(
    session: Session, assessment: Assessment, *, sender: Sender, windows: Windows | None, begin: datetime
) -> Forecast:
    """How long it takes until everybody of an audience who may get it has it."""
    limits = read_limits(sender.limits, per_second=sender.most_per_second)
    crowds = _crowds(session, assessment, by_operator=bool(sender.limits), windows=windows, begin=begin)
    found = forecast(crowds, limits=limits, windows=windows, begin=begin, used=_used(session, sender))
    return replace(found, free_end=forecast(crowds, limits=Limits(), windows=windows, begin=begin).ends)


def _crowds(
    session: Session, assessment: Assessment, *, by_operator: bool, windows: Windows | None, begin: datetime
) -> list[Crowd]:
    """Those who may get it. What does not matter is not looked at, because an audience may be large."""
    rows = assessment.rows
    source: Any = rows
    zone: Any = literal(0)
    if windows is not None:
        place = placed(session, windows, source=rows, contact_id=rows.c.contact_id, now=begin)
        source, zone = place.source, place.zone
    operator: Any = literal(OTHER)
    if by_operator:
        domain = func.lower(func.split_part(Endpoint.value, "@", -1))
        source = source.outerjoin(Endpoint, Endpoint.id == rows.c.endpoint_id).outerjoin(
            OperatorDomain, OperatorDomain.domain == domain
        )
        operator = func.coalesce(OperatorDomain.operator, OTHER)
    many = func.count().label("people")
    found = select(operator.label("operator"), zone.label("zone"), many).select_from(source)
    query = found.where(rows.c.verdict == "send").group_by(text("1"), text("2"))
    zones = {row.id: row.name for row in session.execute(select(ClockZone.id, ClockZone.name))}
    known = {number: one.code for number, one in names_of(session).items()} | dict(codes())
    return [
        Crowd(known.get(row.operator, OTHER_CODE), row.people, zones.get(row.zone))
        for row in session.execute(query).all()
    ]


def _used(session: Session, sender: Sender) -> dict[str | None, Level]:
    """What is used up this hour and today."""
    known = {number: one.code for number, one in names_of(session).items()}
    paces = select(Pace).where(Pace.sender_id == sender.id, Pace.transport_id == ANY_TRANSPORT)
    found = {row.operator: Level(None, row.counted_at, row.hour_used, row.day_used) for row in session.scalars(paces)}
    now = clock.now()
    return {
        None if number == ALL_OPERATORS else known[number]: level
        for number, level in found.items()
        if (number == ALL_OPERATORS or number in known) and (level.at is None or level.at <= now)
    }
