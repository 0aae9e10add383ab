from datetime import UTC, datetime, timedelta
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.models import FieldType
from core.errors import WrongInput
from lead_handover import Hit, ScoreRules, read, score
from lead_handover.rules import EventRule
from lead_handover.scoring import MOST_LINES, shown
from segments import Fields
from segments.fields import Known
from tracking import EventKind, Verdict

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIELDS = Fields([Known("balance", FieldType.INTEGER, custom=True)])

hits = st.builds(
    Hit,
    at=st.integers(0, 200 * 24).map(lambda hours: NOW - timedelta(hours=hours)),
    kind=st.sampled_from([EventKind.OPEN, EventKind.CLICK, EventKind.UNSUBSCRIBE]),
    message_id=st.none() | st.integers(1, 5),
    link_id=st.none() | st.integers(1, 2),
    verdict=st.sampled_from([None, Verdict.HUMAN, Verdict.MACHINE]),
)
event_rules = st.builds(
    EventRule,
    name=st.uuids().map(str),
    kind=st.sampled_from(list(EventKind)[:4]),
    points=st.sampled_from([1, 5, 20.5]),
    half_life_days=st.none() | st.sampled_from([1, 14, 365]),
    cap=st.none() | st.sampled_from([3, 10, 50]),
    cap_days=st.none() | st.sampled_from([1, 7, 30]),
    human_only=st.booleans(),
    per_message=st.booleans(),
)
rule_sets = st.builds(ScoreRules, events=st.lists(event_rules, min_size=1, max_size=4), threshold=st.just(10))


def _score(events, rules, *, now=NOW, contact=None):
    return score(events, contact or {}, rules, now, fields=FIELDS)


def _rules(**one):
    return read({"threshold": 10, "events": [{"name": "click", "kind": "click", "points": 10} | one]})


def _click(days=0.0, message_id=1, **more):
    at = NOW - timedelta(days=days)
    return Hit(at=at, kind=EventKind.CLICK, message_id=message_id, verdict=Verdict.HUMAN, **more)


@given(st.lists(hits, max_size=12), hits, rule_sets)
def test_something_more_that_a_person_does_never_costs_points(events, another, rules):
    assert _score([*events, another], rules).points >= _score(events, rules).points - 1e-9


clicks = st.builds(_click, st.integers(0, 40), st.integers(1, 3))
tight = st.builds(
    _rules,
    half_life_days=st.just(7),
    cap=st.just(15),
    cap_days=st.sampled_from([None, 7]),
    per_message=st.booleans(),
)


@given(st.lists(clicks, max_size=6), clicks, tight)
def test_not_even_under_a_tight_cap(events, another, rules):
    assert _score([*events, another], rules).points >= _score(events, rules).points - 1e-9


def test_opening_an_old_mail_again_in_a_full_week_keeps_what_it_earned_before():
    rules = _rules(cap=15, cap_days=7)
    week = [_click(0, 1), _click(0.1, 2)]
    before = _score([*week, _click(30, 3)], rules).points
    assert before == 25
    assert _score([*week, _click(30, 3), _click(0.2, 3)], rules).points == before


@given(st.lists(hits, max_size=12), rule_sets, st.randoms())
def test_the_order_in_which_events_came_in_does_not_matter(events, rules, random):
    shuffled = list(events)
    random.shuffle(shuffled)
    assert _score(shuffled, rules) == _score(events, rules)


@given(st.lists(hits, max_size=12), rule_sets)
def test_a_second_report_of_the_same_event_adds_nothing(events, rules):
    assert _score([*events, *events], rules) == _score(events, rules)


@given(st.lists(hits, max_size=12), rule_sets)
def test_the_points_are_the_sum_of_their_lines(events, rules):
    found = _score(events, rules)
    assert isclose(found.points, sum(line.points for line in found.lines), abs_tol=1e-9)


@given(st.lists(hits, max_size=40), event_rules.filter(lambda rule: rule.cap is not None))
def test_no_window_of_a_rule_counts_more_than_its_cap(events, rule):
    found = _score(events, ScoreRules(events=[rule], threshold=10))
    windows = {}
    for line in found.lines:
        day = (line.at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(days=rule.cap_days) if rule.cap_days else 0
        windows[day] = windows.get(day, 0) + line.before
    assert all(total <= rule.cap + 1e-9 for total in windows.values())


@given(st.lists(hits, max_size=12), st.sampled_from([1, 14, 90]), st.none() | st.sampled_from([5, 15]))
def test_points_halve_after_the_half_life(events, days, cap):
    rules = _rules(half_life_days=days, cap=cap)
    later = _score(events, rules, now=NOW + timedelta(days=days))
    assert isclose(later.points, _score(events, rules).points / 2, abs_tol=1e-9)


@given(st.lists(hits, max_size=12), rule_sets)
def test_without_news_a_score_never_rises(events, rules):
    assert _score(events, rules, now=NOW + timedelta(days=3)).points <= _score(events, rules).points + 1e-9


def test_each_line_says_what_when_and_how_much():
    found = _score([_click(14)], _rules(half_life_days=14))
    (line,) = found.lines
    assert (line.rule, line.words, line.points, line.before) == ("click", "clicked a link 14 days ago", 5, 10)
    assert line.as_json()["at"] == "2026-11-06T12:00:00+00:00"


def test_a_cap_takes_the_rest_and_says_so():
    found = _score([_click(1), _click(2, 2), _click(3, 3)], _rules(cap=15))
    assert [(line.points, line.capped) for line in found.lines] == [(10, False), (5, True)]


def test_machines_earn_no_points_unless_they_are_asked_for():
    machine = Hit(at=NOW, kind=EventKind.CLICK, message_id=1, verdict=Verdict.MACHINE)
    unjudged = Hit(at=NOW, kind=EventKind.CLICK, message_id=2)
    assert _score([machine, unjudged], _rules()).points == 0
    assert _score([machine, unjudged], _rules(human_only=False)).points == 20


def test_leaving_can_cost_points():
    rules = read({"threshold": 5, "events": [{"name": "left", "kind": "unsubscribe", "points": -30}]})
    assert _score([Hit(at=NOW, kind=EventKind.UNSUBSCRIBE)], rules).points == -30


def test_clicking_one_mail_ten_times_counts_once():
    events = [_click(day / 10, link_id=day) for day in range(10)]
    assert _score(events, _rules()).points == 10
    assert _score(events, _rules(per_message=False)).points == 100


def test_fit_alone_makes_nobody_a_lead():
    rules = read(
        {
            "threshold": 10,
            "minimum_fit": 5,
            "events": [{"name": "click", "kind": "click", "points": 10}],
            "fit": [{"name": "rich", "points": 50, "when": {"field": "balance", "gt": 2000}}],
        }
    )
    rich, poor = {"balance": 3000}, {"balance": 10}
    assert not _score([], rules, contact=rich).reaches(rules)
    assert _score([_click()], rules, contact=rich).reaches(rules)
    assert not _score([_click()], rules, contact=poor).reaches(rules)


def test_a_long_explanation_is_summed_up():
    found = _score([_click(0, number) for number in range(1, 101)], _rules())
    lines = shown(found.lines)
    assert len(lines) == MOST_LINES + 1
    assert sum(line["points"] for line in lines) == found.points == 1000


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"threshold": 0}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"surprise": 1}, "surprise"),
        ({"events": []}, "events"),
        ({"events": [{"name": "x", "kind": "teleport", "points": 1}]}, "events[0].kind"),
        ({"events": [{"name": "x", "kind": "click", "points": 1, "half_life_days": 0}]}, "events[0].half_life_days"),
        ({"fit": [{"name": "x", "points": 1, "when": {"feld": 1}}]}, "fit[0].when"),
        ({"fit": [{"name": "x", "points": 1, "when": {"all": [{"field": "nope", "is": "a"}]}}]},
         "fit[0].when.all[0].field"),
        ({"fit": [{"name": "x", "points": 1, "when": {"clicked": {"within_days": 3}}}]}, "fit[0].when"),
        ({"fit": [{"name": "click", "points": 1, "when": {"field": "balance", "gt": 1}}]}, ""),
    ],
)  # fmt: skip
def test_wrong_rules_are_refused_with_their_place(change, where):
    good = {"threshold": 10, "events": [{"name": "click", "kind": "click", "points": 10}]}
    with pytest.raises(WrongInput) as caught:
        read(good | change, fields=FIELDS, today=NOW.date())
    assert caught.value.where == where


@given(rule_sets)
def test_rules_read_back_as_they_were_written(rules):
    assert read(rules.model_dump(mode="json")) == rules
