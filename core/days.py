"""Days and times as people type them: by whose clocks, and how lists and reports are narrowed to some days."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from flask import has_app_context
from flask_babel import get_timezone
from sqlalchemy import ColumnElement, SQLColumnExpression

from core.errors import WrongInput
from core.sentences import say

# What the first and the last day are called, in the address bar and as options of commands.
FROM, TO = "from", "to"


def day(written: str) -> date:
    """A day as somebody typed it, in ISO 8601; else `WrongInput`."""
    try:
        found = date.fromisoformat(written.strip())
    except ValueError:
        found = date.max
    if found.year == date.max.year:
        raise WrongInput(
            "day_unknown", say("%(text)s is no day.", text=repr(written[:40])), say("Write it like 2026-11-21.")
        )
    return found


def chosen(arguments: Mapping[str, str | None]) -> dict[str, str]:
    """The days among what somebody asked for, checked."""
    return {name: day(str(arguments[name])).isoformat() for name in (FROM, TO) if arguments.get(name)}


def ends(days: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    """The moment at which the first day begins and the one at which the last day is over; None where it is open.

    Days begin at midnight of whoever looks at a page; on the command line, of UTC.
    """
    first, last = (day(days[name]) if name in days else None for name in (FROM, TO))
    zone = here()
    return (
        datetime.combine(first, time.min, zone) if first else None,
        datetime.combine(last + timedelta(days=1), time.min, zone) if last else None,
    )


def between(moment: SQLColumnExpression[Any], days: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """The condition that a moment lies on or after the first day and on or before the last one."""
    start, end = ends(days)
    found: list[ColumnElement[bool]] = [moment >= start] if start else []
    return found + ([moment < end] if end else [])


def here() -> tzinfo:
    """By which clocks times are typed and shown: those of whoever looks at a page; on the command line, UTC.

    What Flask-Babel answers must not be put into a time by itself: until it is told the day it stands for the mean sun
    of the place, which in Vienna is five minutes ahead of the clocks in winter.
    """
    return ZoneInfo(str(get_timezone())) if has_app_context() else UTC
