"""Times that people type are told by the clocks on their wall, in summer and in winter, on every page."""

from datetime import UTC, datetime

import pytest

from app.web import create_app
from core.days import here
from tests.guards.source import files, imports


@pytest.mark.parametrize(("month", "hour"), [(1, 9), (7, 8)])
def test_ten_o_clock_is_ten_o_clock_the_whole_year(database: str, broker: str, month: int, hour: int) -> None:
    with create_app().test_request_context("/"):
        typed = datetime(2026, month, 1, 10, tzinfo=here())
    assert typed.astimezone(UTC) == datetime(2026, month, 1, hour, tzinfo=UTC)


def test_one_place_asks_by_which_clocks_a_page_is_read() -> None:
    """Put into a time as it is, the answer is the mean sun of the place, some minutes away from every clock."""
    asking = (found for file in files() for found in imports(file) if "get_timezone" in found.names)
    askers = {found.place.partition(":")[0] for found in asking}
    assert askers == {"core/days.py"}
