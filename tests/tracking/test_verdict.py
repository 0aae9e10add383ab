"""Person or machine: the rules, and that judging step by step equals judging everything at the end."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from core.db import transaction
from tracking.judging import judge_new, rejudge
from tracking.links import store_links
from tracking.models import Event, EventKind, Verdict
from tracking.verdict import HUMAN, Hit, judge, judge_alone, machine_by_name

SENT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
OUTLOOK = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17531; Pro)"


def click(seconds: float, *, link: int | None = 1, agent: str = FIREFOX, method: str = "GET") -> Hit:
    moment = SENT + timedelta(seconds=seconds)
    return Hit(EventKind.CLICK, moment, method, agent, sent_at=SENT, link_id=link)


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        (FIREFOX, None), (IPHONE, None), (OUTLOOK, None), ("Thunderbird/115", None),
        ("Mozilla/4.0 (compatible; ms-office; MSOffice 16)", None),
        ("", "no_user_agent"),
        ("Mozilla/5.0", "image_proxy"),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "image_proxy"),
        ("YahooMailProxy; https://help.yahoo.com/kb/x.html", "image_proxy"),
        ("Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0) BarracudaCentral", "link_scanner"),
        ("Mimecast", "link_scanner"),
        ("curl/8.5.0", "robot"), ("python-requests/2.32", "robot"), ("Googlebot/2.1", "robot"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/119.0 Safari/537.36", "robot"),
    ],
)  # fmt: skip
def test_machines_are_known_by_their_name_and_mail_programs_are_none(agent, reason):
    assert machine_by_name(agent) == reason


def test_head_prefetch_and_speed_give_machines_away():
    assert judge_alone(click(60, method="HEAD")).reason == "head_request"
    assert judge_alone(Hit(EventKind.OPEN, SENT, "GET", FIREFOX, prefetch=True)).reason == "prefetch"
    assert judge_alone(click(1)).reason == "too_fast"
    assert judge_alone(click(-5)).reason == "too_fast"
    assert judge_alone(click(3)) is HUMAN


def test_a_scanner_that_follows_every_link_is_seen_and_a_reader_of_two_is_not():
    scan = [click(100 + link / 10, link=link) for link in range(4)]
    assert {judgement.reason for judgement in judge(scan, links=4)} == {"many_links_at_once"}
    assert judge([click(100, link=1), click(102, link=2)], links=2) == [HUMAN, HUMAN]
    assert judge(scan[:3], links=8) == [HUMAN] * 3
    later = [*scan, click(400, link=2)]
    assert judge(later, links=4)[-1] is HUMAN
    same = [click(100 + n / 10, link=1) for n in range(9)]
    assert judge(same, links=4) == [HUMAN] * 9


clicks = st.lists(
    st.builds(
        click,
        st.integers(0, 400).map(lambda tenths: tenths / 10),
        link=st.integers(1, 5),
        agent=st.sampled_from([FIREFOX, "curl/8"]),
        method=st.sampled_from(["GET", "GET", "HEAD"]),
    ),
    max_size=14,
)


@settings(deadline=None)
@given(clicks, st.integers(0, 9), st.randoms())
def test_the_order_of_arrival_never_changes_a_verdict(hits, links, dice):
    verdicts = dict(zip(map(id, hits), judge(hits, links=links), strict=True))
    dice.shuffle(hits)
    assert dict(zip(map(id, hits), judge(hits, links=links), strict=True)) == verdicts


@settings(deadline=None)
@given(clicks, st.integers(0, 9))
def test_more_hits_never_make_a_machine_a_person(hits, links):
    for size in range(len(hits)):
        fewer = judge(hits[:size], links=links)
        more = judge(hits[: size + 1], links=links)
        for before, after in zip(fewer, more, strict=False):
            assert before.verdict is not Verdict.MACHINE or after == before


@settings(deadline=None)
@given(clicks)
def test_what_a_hit_shows_by_itself_stands_whatever_comes_with_it(hits):
    for hit, judgement in zip(hits, judge(hits, links=3), strict=True):
        if judge_alone(hit) is not HUMAN:
            assert judgement == judge_alone(hit)


@pytest.mark.parametrize("seed", range(4))
def test_judging_step_by_step_equals_judging_everything_at_the_end(database, seed):
    dice = random.Random(seed)
    with transaction() as session:
        store_links(session, 1, [f"https://shop.example/{number}" for number in range(3)])
    rows = [
        {
            "kind": dice.choice(["open", "click", "click"]),
            "at": SENT + timedelta(seconds=dice.randrange(0, 30)),
            "run_id": 1,
            "message_id": dice.randrange(1, 6),
            "link_id": dice.randrange(1, 4),
            "sent_at": SENT,
            "method": dice.choice(["GET"] * 9 + ["HEAD"]),
            "user_agent": dice.choice([FIREFOX, IPHONE, "curl/8"]),
        }
        for _ in range(120)
    ]
    turned = 0
    for start in range(0, len(rows), 10):
        with transaction() as session:
            session.execute(insert(Event), rows[start : start + 10])
            while (step := judge_new(session, batch=4)).hits:
                turned += step.changed
    query = select(Event.id, Event.verdict, Event.verdict_reason).order_by(Event.id)
    with transaction() as session:
        step_by_step = session.execute(query).all()
        assert rejudge(session) == len(rows)
        at_once = session.execute(query).all()
    assert turned, "no later hit changed an earlier verdict: this test shows nothing"
    assert step_by_step == at_once


def test_a_run_of_hits_on_one_link_is_judged_in_reasonable_work(database):
    with transaction() as session:
        session.execute(
            insert(Event),
            [
                {
                    "kind": "click", "at": SENT + timedelta(seconds=10, milliseconds=number), "run_id": 1,
                    "message_id": 1, "link_id": 1, "sent_at": SENT, "method": "GET", "user_agent": FIREFOX,
                }
                for number in range(20_000)
            ],
        )  # fmt: skip
        while judge_new(session).hits:
            pass
