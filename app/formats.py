"""How numbers, times and shares look in pages, in the reader's language and zone."""

from datetime import UTC, date, datetime, timedelta

from flask import Flask
from flask_babel import format_date, format_decimal, format_percent, format_time, format_timedelta

from core import clock


def install(app: Flask) -> None:
    """Register the filters."""
    app.jinja_env.tests["late"] = late
    app.jinja_env.filters.update(
        number=number,
        share=share,
        moment=moment,
        day=day,
        written_day=written_day,
        written_moment=written_moment,
        ago=ago,
        span=span,
        iso=iso,
        shortened=shortened,
        clock_time=clock_time,
        seconds=seconds,
    )


def late(value: datetime) -> bool:
    """Whether a moment is over."""
    return value < clock.now()


def number(value: float | None) -> str:
    """1,234 or 1.234, by language."""
    return "–" if value is None else str(format_decimal(value))


def share(part: float, whole: float) -> str:
    """A part of a whole in per cent; a dash when there is no whole."""
    return "–" if not whole else str(format_percent(part / whole, format="#,##0.0 %"))


def moment(value: datetime | None) -> str:
    """Date and time to the minute."""
    return "–" if value is None else f"{format_date(value, 'medium')}, {format_time(value, 'short')}"


def day(value: date | datetime | None) -> str:
    """A date."""
    return "–" if value is None else str(format_date(value, "medium"))


def written_day(value: str) -> str:
    """The date of a moment that is stored as ISO 8601 text."""
    return day(datetime.fromisoformat(value))


def written_moment(value: str) -> str:
    """Date and time of a moment that is stored as ISO 8601 text; other text stays as it is."""
    try:
        return moment(datetime.fromisoformat(value))
    except ValueError:
        return value


def ago(value: datetime | None) -> str:
    """`3 hours ago`, `in 2 days`."""
    if value is None:
        return "–"
    return str(format_timedelta(value - clock.now(), add_direction=True, granularity="minute", threshold=1.1))


def span(value: timedelta | None) -> str:
    """`4 minutes`."""
    return "–" if value is None else str(format_timedelta(value, granularity="second", threshold=1.1))


def clock_time(seconds: float) -> str:
    """Seconds since 1970 as date and time."""
    return moment(datetime.fromtimestamp(seconds, UTC))


def seconds(value: float) -> str:
    """So many seconds, in words."""
    return span(timedelta(seconds=value))


def iso(value: datetime | None) -> str:
    """For `<time datetime=…>`."""
    return "" if value is None else value.astimezone(UTC).isoformat(timespec="seconds")


def shortened(value: str | None, most: int = 60) -> str:
    """The beginning of a text, with an ellipsis when something was left out."""
    value = value or ""
    return value if len(value) <= most else value[: most - 1] + "…"
