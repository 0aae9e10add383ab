"""How a sender stands with operators of mailboxes, on its page and for programs."""

import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from app.cli import crusoe
from app.numbers.exposition import exposition
from app.numbers.reading import read_numbers
from app.web import create_app
from core.db import transaction
from core.permissions import Role
from delivery.pace.braking import fold
from delivery.pace.thresholds import BULK, COMPLAINTS, DEAD, Status, of_share, of_volume, primary_domain
from tests.browsing import signed_in
from tests.delivery.pace.sending import campaign_to
from tests.delivery.sending import rows, worker


@pytest.mark.parametrize(
    ("many", "of", "thresholds", "status"),
    [
        (1, 199, COMPLAINTS, Status.NONE),
        (0, 1000, COMPLAINTS, Status.OK),
        (99, 100_000, COMPLAINTS, Status.OK),
        (1, 1000, COMPLAINTS, Status.WARN),
        (3, 1000, COMPLAINTS, Status.OVER),
        (9, 1000, DEAD, Status.OK),
        (10, 1000, DEAD, Status.WARN),
        (20, 1000, DEAD, Status.OVER),
    ],
)
def test_a_share_stands_as_the_operators_say(many, of, thresholds, status):
    assert of_share(many, of, thresholds=thresholds) is status


@given(busiest=st.integers(0, 20_000))
def test_only_some_operators_count_bulk_senders(busiest):
    expected = Status.OVER if busiest >= BULK[1] else Status.WARN if busiest >= BULK[0] else Status.OK
    assert of_volume(busiest, operator="gmail") is expected
    assert of_volume(busiest, operator="telekom") is Status.NONE


def test_what_somebody_registered_is_one_domain():
    found = [
        primary_domain(one) for one in ("shop.example", "news.shop.example", "m.shop.co.uk", "shop.co.uk", "a.b.de")
    ]
    assert found == ["shop.example", "shop.example", "shop.co.uk", "shop.co.uk", "b.de"]


def test_numbers_by_operator_are_shown_to_people_and_programs(sink):
    limits = {"per_day": 500, "operators": {"gmail": {"per_hour": 400}},
              "warm_up": {"start": "2026-01-01", "first_day": 100, "most": 100000}}  # fmt: skip
    campaign_to({"gmail.com": 12, "web.de": 4}, limits=limits)
    worker().run()
    rows("INSERT INTO event (kind, at, run_id, message_id) SELECT 'complaint', now(), run_id, id FROM message"
         " WHERE operator = 1 LIMIT 1 RETURNING 1")  # fmt: skip
    rows("INSERT INTO event (kind, at, run_id, message_id) SELECT 'bounce', now(), run_id, id FROM message"
         " WHERE operator = 5 LIMIT 1 RETURNING 1")  # fmt: skip
    # What is summed up already, from the same day and from one before.
    rows("INSERT INTO day_tally SELECT run_id, 1, current_date, 488, 0, 0, 0, 0, 0, 0 FROM tally LIMIT 1 RETURNING 1")
    rows(
        "INSERT INTO day_tally SELECT run_id, 1, current_date - 3, 5100, 0, 0, 0, 0, 0, 0 FROM tally LIMIT 1"
        " RETURNING 1"
    )
    rows("UPDATE tally SET at = at - interval '2 minutes' RETURNING 1")
    for _ in range(2):
        answer = CliRunner().invoke(crusoe, ["sender", "limits", "news", "--json"])
        gmail, ui = json.loads(answer.stdout)
        assert (gmail["operator"], gmail["today"], gmail["week"], gmail["busiest_day"]) == ("gmail", 500, 5600, 5100)
        assert (gmail["worst_day"], gmail["complaint_status"], gmail["volume_status"]) == (0.2, "warn", "over")
        assert (ui["operator"], ui["dead"], ui["dead_rate"], ui["dead_status"]) == ("united_internet", 1, 25.0, "none")
        assert (gmail["status"], gmail["used_today"]) == ("warn", 12)
        with transaction() as session:
            fold(session)
            numbers = exposition(read_numbers(session))
    assert 'crusoe_complaint_rate{operator="news/gmail"} 0.2\n' in numbers
    assert "crusoe_resting 0" in numbers
    browser = signed_in(create_app(), Role.MARKETER)
    shown = browser.get("/senders/news/limits").text
    for words in ("bulk sender", "0.2 %", "watch it", "400 an hour", "Warm-up", "counted over shop.example"):
        assert words in shown, words
    assert "/senders/news/limits" in browser.get("/senders/").text
    rows("UPDATE user_account SET locale = 'de' RETURNING 1")
    assert "Grenzen und Ruf" in browser.get("/senders/news/limits").text
