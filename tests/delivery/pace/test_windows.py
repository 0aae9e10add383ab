"""When mails may leave, by whose clock, and what becomes of those for which it is too late."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.models import TrackingLevel
from core import clock
from core.db import transaction
from core.errors import WrongInput
from delivery import WindowClosed, finish_if_done, notes, open_run, report
from delivery.pace.ending import end_what_is_too_late
from delivery.pace.windows import Windows, checked_windows, known_zones, zone_of_country
from suppression import zones_of
from tests.delivery.sending import WORDS, numbers, rows, worker, write_down
from tests.factories import people, sender

OFFICE = Windows(hours=("mon-fri 09:00-17:00",))
BERLIN = "Europe/Berlin"

zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC", None])
moments = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
hours = st.sampled_from(["mon-fri 09:00-17:00", "sat 10:00-13:00", "sun 02:00-02:45", "mon-sun 00:00-24:00"])


@given(
    words=st.lists(hours, min_size=1, max_size=3),
    zone=zones,
    at=moments,
    until=st.none() | st.dates(date(2026, 1, 1), date(2030, 1, 1)),
)
def test_the_next_window_is_open_and_none_is_earlier(words, zone, at, until):
    windows = Windows(hours=tuple(words), until=until)
    opens = windows.next_open(at, zone=zone)
    if opens is None:
        assert until is not None
        assert not windows.is_open(at, zone=zone)
        return
    assert opens >= at
    assert windows.is_open(opens, zone=zone)
    if opens > at:
        steps = [at + (opens - at) * part / 50 for part in range(50)]
        assert not any(windows.is_open(step, zone=zone) for step in steps)


@pytest.mark.parametrize(
    ("at", "zone", "opens"),
    [
        # A Monday morning in Berlin, before and after its clocks change.
        (datetime(2026, 3, 23, 5, tzinfo=UTC), BERLIN, datetime(2026, 3, 23, 8, tzinfo=UTC)),
        (datetime(2026, 3, 30, 5, tzinfo=UTC), BERLIN, datetime(2026, 3, 30, 7, tzinfo=UTC)),
        # Friday evening there is still Friday noon in New York, and Saturday in Auckland.
        (datetime(2026, 3, 27, 17, tzinfo=UTC), BERLIN, datetime(2026, 3, 30, 7, tzinfo=UTC)),
        (datetime(2026, 3, 27, 17, tzinfo=UTC), "America/New_York", datetime(2026, 3, 27, 17, tzinfo=UTC)),
        (datetime(2026, 3, 27, 17, tzinfo=UTC), "Pacific/Auckland", datetime(2026, 3, 29, 20, tzinfo=UTC)),
    ],
)
def test_a_window_opens_by_the_clock_of_the_place(at, zone, opens):
    assert OFFICE.next_open(at, zone=zone) == opens


def test_every_country_has_a_clock():
    for code in ("DE", "AT", "US", "BR", "IN", "JP", "ZA", "AU", "RU", "CN", "UA", "GL"):
        assert zone_of_country(code) in known_zones()
        assert zone_of_country(code) in zones_of(code) or code in {"UA", "GL"}
    assert zone_of_country("XX") is None


@pytest.mark.parametrize(
    "document",
    [{"hours": []}, {"hours": ["9-5"]}, {"hours": ["mon 10:00-12:00"], "zone": "Mars/Base"}, {"zone": BERLIN}],
)
def test_what_is_no_window_is_refused(document):
    with pytest.raises(WrongInput):
        checked_windows(document)


def around(at: datetime, zone: str) -> str:
    """A window of some hours that is open at this moment in this zone, and nowhere far from it."""
    there = at.astimezone(ZoneInfo(zone))
    begin, end = max(0, there.hour - 1), min(24, there.hour + 2)
    return f"mon-sun {begin:02}:00-{end:02}:00"


def run_with(windows: dict) -> int:
    with transaction() as session:
        people(session, ["anna", "ben"], country="DE")
        people(session, ["carol"], country="JP")
        people(session, ["dave"], country="DE")
        run_id = open_run(
            session,
            name="autumn",
            sender_id=sender(session).id,
            purpose="newsletter",
            tracking=TrackingLevel.NONE,
            compiled=WORDS,
            windows=checked_windows(windows),
        )
    rows("UPDATE contact SET fields = '{\"tz\": \"Asia/Tokyo\"}' WHERE number = 'dave' RETURNING 1")
    write_down(run_id)
    return run_id


def test_everybody_gets_it_by_the_own_clock(sink):
    now = clock.now()
    run_id = run_with({"hours": [around(now, BERLIN)], "field": "tz"})
    planned = rows(
        "SELECT z.name, count(*), min(m.not_before) > clock_timestamp() + interval '1 hour' AS later"
        " FROM message AS m JOIN clock_zone AS z ON z.id = m.zone WHERE m.state = 'ready' GROUP BY 1 ORDER BY 1"
    )
    assert planned == [("Asia/Tokyo", 2, True), ("Europe/Berlin", 2, False)]
    worker().run()
    assert sorted(each.recipient for each in sink.taken) == ["anna@mail.example", "ben@mail.example"]
    # A mail that is due stays where it is as long as the window of its recipient is closed.
    rows("UPDATE message SET not_before = clock_timestamp() - interval '1 hour' WHERE state = 'ready' RETURNING 1")
    worker().run()
    assert numbers(run_id) == {"audience": 4, "sent": 2, "in_flight": 2}
    rows("UPDATE run SET windows = windows - 'field' || '{\"zone\": \"Europe/Berlin\"}' RETURNING 1")
    worker().run()
    assert numbers(run_id) == {"audience": 4, "sent": 4}


def test_what_fits_into_no_window_ends_with_a_reason(sink):
    run_id = run_with(
        {"hours": [around(clock.now(), "Asia/Tokyo")], "until": f"{clock.now() + timedelta(days=3):%Y-%m-%d}"}
    )
    with transaction() as session:
        assert end_what_is_too_late(session) == 0
    rows('UPDATE run SET windows = windows || \'{"until": "2026-01-01"}\' RETURNING 1')
    worker().run()
    with transaction() as session:
        (note,) = notes(session, run_id=run_id, numbers=report(session, run_id=run_id))
        assert note == WindowClosed(opens=None)
        assert end_what_is_too_late(session) == 4
        assert finish_if_done(session, run_id=run_id)
    assert numbers(run_id) == {"audience": 4, "cancelled": 4}
    assert rows("SELECT DISTINCT reply_text FROM message") == [("the last window for sending is over",)]
    assert sink.taken == []
