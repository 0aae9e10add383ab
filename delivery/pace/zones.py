"""By which clock each recipient lives: a number for each time zone, and a table to join an audience with."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from babel.core import get_global
from sqlalchemy import (
    ColumnElement,
    DateTime,
    SmallInteger,
    String,
    and_,
    case,
    column,
    func,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session

from contacts.models import Contact
from delivery.pace.models import ClockZone
from delivery.pace.windows import RECIPIENT, Windows, known_zones, zone_of_country

_MAKE = """
    INSERT INTO clock_zone (id, name)
    SELECT (SELECT coalesce(max(id), 0) FROM clock_zone) + row_number() OVER (ORDER BY name), name
    FROM unnest(CAST(:names AS text[])) AS n (name)
    WHERE NOT EXISTS (SELECT 1 FROM clock_zone AS z WHERE z.name = n.name)
"""


def numbers_of(session: Session, names: set[str]) -> dict[str, int]:
    """The number of each of these time zones; new ones get one."""
    query = select(ClockZone.name, ClockZone.id).where(ClockZone.name.in_(names))
    found = {row.name: row.id for row in session.execute(query)}
    if len(found) < len(names):
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext('clock_zone'))"))
        session.execute(text(_MAKE), {"names": sorted(names)})
        found = {row.name: row.id for row in session.execute(query)}
    return found


_CLOCKS = """
    DROP TABLE IF EXISTS pg_temp.run_clock;
    CREATE TEMP TABLE run_clock (country text, named text, zone smallint, opens timestamptz) ON COMMIT DROP
"""

_FILL = """
    INSERT INTO run_clock (country, named, zone, opens)
    SELECT * FROM unnest(CAST(:countries AS text[]), CAST(:names AS text[]), CAST(:zones AS smallint[]),
                         CAST(:moments AS timestamptz[]))
"""

_CLOCK = table(
    "run_clock",
    column("country", String),
    column("named", String),
    column("zone", SmallInteger),
    column("opens", DateTime(timezone=True)),
)


@dataclass(frozen=True)
class Placed:
    """An audience joined with clocks: the relation, whose clock counts, and when it opens, which may be never."""

    source: Any
    zone: ColumnElement[int]
    opens: ColumnElement[datetime]


def placed(session: Session, windows: Windows, *, source: Any, contact_id: Any, now: datetime) -> Placed:
    """Join `source` with the clocks by which its people live: as their field says, else their country, else `home`."""
    _write_clocks(session, windows, now=now)
    by_field, by_country, usual = _CLOCK.alias("by_field"), _CLOCK.alias("by_country"), _CLOCK.alias("usual")
    named = Contact.fields[windows.field].astext if windows.field else literal("")
    joined = (
        source.outerjoin(Contact, Contact.id == contact_id)
        .outerjoin(by_field, by_field.c.named == named)
        .outerjoin(by_country, by_country.c.country == Contact.country)
        .join(usual, and_(usual.c.country.is_(None), usual.c.named.is_(None)))
    )
    return Placed(
        source=joined,
        zone=func.coalesce(by_field.c.zone, by_country.c.zone, usual.c.zone),
        opens=case(
            (by_field.c.zone.is_not(None), by_field.c.opens),
            (by_country.c.zone.is_not(None), by_country.c.opens),
            else_=usual.c.opens,
        ),
    )


def _write_clocks(session: Session, windows: Windows, *, now: datetime) -> None:
    """Fill `run_clock`: a row for each country, for each zone that a field may name, and one for everybody else."""
    rows: list[tuple[str | None, str | None, str]] = [(None, None, windows.clock_of(None))]
    if windows.zone == RECIPIENT:
        countries = sorted(set(get_global("zone_territories").values()))
        rows += [(code, None, zone) for code in countries if (zone := zone_of_country(code))]
        rows += [(None, name, name) for name in sorted(known_zones())] if windows.field else []
    numbers = numbers_of(session, {zone for *_, zone in rows})
    opens = {zone: windows.next_open(now, zone=zone) for zone in numbers}
    session.execute(text(_CLOCKS))
    columns = {
        "countries": [code for code, *_ in rows],
        "names": [name for _, name, _ in rows],
        "zones": [numbers[zone] for *_, zone in rows],
        "moments": [opens[zone] for *_, zone in rows],
    }
    session.execute(text(_FILL), columns)
    session.execute(text("ANALYZE run_clock"))
