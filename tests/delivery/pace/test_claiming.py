"""Limits as workers meet them: mixed batches, budgets for all workers together, nothing used up for nothing."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from core import clock
from core.db import transaction
from delivery import notes, report
from delivery.claim import Claim, Wait, claim, claim_or_wait, give_back
from delivery.pace.reserving import give_back_reserved
from suppression import Cause, add
from tests.delivery.pace.sending import campaign_to, let_an_hour_pass, sent_to
from tests.delivery.sending import numbers, rows, worker
from tests.smtp_sink import Drop


def test_an_audience_is_known_by_its_operators_and_batches_are_mixed(sink):
    run_id = campaign_to({"gmail.com": 30, "GoogleMail.com": 10, "web.de": 20, "shop.example": 20})
    planned = rows(
        "SELECT o.code, s.planned FROM run_share AS s JOIN mail_operator AS o ON o.id = s.operator ORDER BY 1"
    )
    assert planned == [("gmail", 40), ("other", 20), ("united_internet", 20)]
    with transaction() as session:
        taken = claim(session, most=8)
        counted = [list(taken.operators.values()).count(number) for number in (1, 0, 5)]
        give_back(session, taken)
    assert counted == [4, 2, 2]
    worker().run()
    assert numbers(run_id) == {"audience": 80, "sent": 80}


def test_one_operator_that_is_used_up_holds_up_nobody_else(sink):
    limits = {"operators": {"gmail": {"per_day": 3}, "other": {"per_hour": 2}}}
    run_id = campaign_to({"gmail.com": 10, "web.de": 10, "shop.example": 10}, limits=limits)
    worker().run()
    assert sent_to() == {"gmail": 3, "other": 2, "united_internet": 10}
    assert numbers(run_id) == {"audience": 30, "sent": 15, "in_flight": 15}
    with transaction() as session:
        told = notes(session, run_id=run_id, numbers=report(session, run_id=run_id))
    assert [(one.operator, one.messages) for one in told if one.until > clock.now()][-1] == ("Gmail", 7)
    # The next hour, and then the next day: the counts stand in the database, not in a worker.
    let_an_hour_pass()
    worker().run()
    assert sent_to()["other"] == 4
    rows("UPDATE pace SET counted_at = counted_at - interval '1 day' RETURNING 1")
    worker().run()
    assert sent_to() == {"gmail": 6, "other": 6, "united_internet": 10}


def test_what_was_reserved_and_not_used_is_given_back(sink):
    limits = {"per_day": 4, "operators": {"gmail": {"per_day": 3}}}
    campaign_to({"gmail.com": 10}, limits=limits)
    used = "SELECT day_used FROM pace ORDER BY operator"
    with transaction() as session:
        taken = claim(session, most=2)
        give_back(session, taken)
    assert rows(used) == [(0,), (0,)]
    # The gate refuses one of the first three, so a fourth may leave.
    with transaction() as session:
        query = text("SELECT address_id FROM message WHERE id = :id")
        first = session.execute(query, {"id": taken.message_ids[0]}).scalar_one()
        add(session, address_id=first, cause=Cause.OPTED_OUT, at=clock.now(), source="test")
    worker().run()
    assert sent_to() == {"gmail": 3}
    assert rows(used) == [(3,), (3,)]


def test_two_workers_at_once_never_exceed_a_limit(database):
    """After each simulated second everybody takes as much as the limits allow, two at a time."""
    limits = {"per_second": 6, "operators": {"gmail": {"per_second": 2, "burst": 3}, "each": {"per_hour": 30}}}
    campaign_to({"gmail.com": 60, "web.de": 60, "yahoo.com": 60}, limits=limits)

    def take(_: int) -> list[int]:
        with transaction() as session:
            taken = claim(session, most=5)
            return list(taken.operators.values()) if taken else []

    total: list[int] = []
    (begun,) = rows("SELECT clock_timestamp() AS at")
    with ThreadPoolExecutor(2) as pool:
        for _ in range(12):
            for found in pool.map(take, range(4)):
                total += found
            rows("UPDATE pace SET counted_at = counted_at - interval '1 second' RETURNING 1")
    (ended,) = rows("SELECT clock_timestamp() AS at")
    seconds = 12 + (ended.at - begun.at).total_seconds()
    assert 6 * 11 <= len(total) <= 6 + 6 * seconds
    assert 2 * 11 <= total.count(1) <= 3 + 2 * seconds
    assert total.count(2) <= 30 >= total.count(5)
    assert len(total) == len(rows("SELECT id FROM message WHERE state = 'claimed'"))


def test_a_limit_that_frees_soon_says_when(database):
    campaign_to({"web.de": 9}, limits={"per_second": 4})
    with transaction() as session:
        assert isinstance(claim_or_wait(session, most=9), Claim)
    with transaction() as session:
        found = claim_or_wait(session, most=9)
    assert isinstance(found, Wait)
    assert 0 < found.seconds <= 0.25


def test_giving_back_never_makes_more_than_there_was(database):
    campaign_to({"web.de": 9}, limits={"per_second": 4})
    with transaction() as session:
        taken = claim(session, most=2)
        give_back_reserved(session, taken.reserved, [5] * 50)
    (level,) = rows("SELECT tokens, day_used FROM pace")
    assert level == (4.0, 0)


def test_a_mail_that_was_not_begun_uses_nothing_up(listen):
    begun = {"MAIL": 0}

    def hang_up_after_each(verb, _recipient, _count):
        begun["MAIL"] = 0 if verb == "CONNECT" else begun["MAIL"] + (verb == "MAIL")
        return Drop() if begun["MAIL"] > 1 else None

    sink = listen(hang_up_after_each, connections=1)
    campaign_to({"gmail.com": 6}, limits={"operators": {"gmail": {"per_day": 6}}})
    worker().run()
    assert len(sink.taken) == 6
    assert rows("SELECT day_used FROM pace ORDER BY operator") == [(6,), (6,)]
