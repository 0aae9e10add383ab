"""The law as rows of data: which one holds for whom, from when to when, and that the stricter side always counts."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contacts.models import Channel, Kind
from suppression.lists.standing import RequiredVersion
from suppression.policies import shipped
from suppression.policy import ELSEWHERE, UNKNOWN, ListDuty, Needs, Policy, PolicyRow, law_of, policy, strictest
from suppression.policy_table import Weighing, policy_lines
from suppression.rule_diff import differences
from suppression.rule_settings import RuleSettings, months_before

TODAY = date(2026, 11, 22)
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
COUNTRIES = sorted({row.country for row in shipped()})
MARKETS = ("AT", "CH", "DE")

months = st.one_of(st.none(), st.integers(1, 60))
some_policy = st.builds(
    Policy,
    needs=st.sampled_from(Needs),
    customers=st.booleans(),
    customer_months=months,
    stale_after_months=months,
    lapsed_after_months=months,
)


def test_an_inquiry_counts_only_where_each_law_that_asks_for_consent_says_so() -> None:
    six, four = (Policy(customers=True, inquiry_months=months) for months in (6, 4))
    silent, free = Policy(customers=True), Policy(needs=Needs.NO_OBJECTION)
    assert strictest([six, four]).inquiry_months == 4
    assert strictest([six, silent]).inquiry_months is None
    assert strictest([six, free]).inquiry_months == 6
    assert strictest([free]).inquiry_months is None


@pytest.mark.parametrize(
    ("country", "consent", "outdated", "customers"),
    [("AT", True, True, True), ("DE", True, False, True), ("US", False, False, False), ("IT", True, False, True)],
)
def test_the_lines_say_what_the_law_says(country: str, consent: bool, outdated: bool, customers: bool) -> None:
    late = RequiredVersion("at.ecg.file", None, outdated=True, concerned=("AT",))
    fresh = RequiredVersion("de.idi", None, outdated=False, concerned=("DE", "US"))
    found = policy_lines(Weighing(RuleSettings(), country, "email", lists=(late, fresh), as_of=MIDNIGHT))
    (line,) = [one for one in found if (one.country, one.kind) == (country, "b2c")]
    assert (line.no_consent_needed, line.list_outdated, line.quiet) == (not consent, outdated, False)
    assert (line.customer_since is not None) is (customers or not consent)
    assert len({one.policy for one in found}) == len(found)


def test_it_is_quiet_only_for_those_who_are_reached_at_once() -> None:
    night = MIDNIGHT + timedelta(hours=2)
    for at_once in (False, True):
        asked = Weighing(RuleSettings(), "FR", "phone", lists=(), as_of=night, at_once=at_once)
        lines = {one.country: one for one in policy_lines(asked) if one.kind == "b2c"}
        assert lines["FR"].quiet is at_once
        # The law of the caller's own country binds, too, and of a country without zones its clocks are asked.
        assert lines[ELSEWHERE].quiet is at_once


def holding(
    recipient: str, *, sender: str = "DE", channel: str = "email", kind: str = "b2c", on: date = TODAY
) -> Policy:
    return policy(shipped(), recipient=recipient, sender=sender, channel=channel, kind=kind, on=on, markets=MARKETS)


def at_least_as_strict(one: Policy, other: Policy) -> bool:
    """Whatever `one` lets through `other` lets through too."""
    needs = one.needs is Needs.CONSENT or other.needs is Needs.NO_OBJECTION
    customers = (
        not one.customers or one.needs is Needs.NO_OBJECTION or other.customers or other.needs is not Needs.CONSENT
    )
    shorter = all(
        theirs is None or (ours is not None and ours <= theirs)
        for ours, theirs in (
            (one.customer_months, other.customer_months),
            (one.stale_after_months, other.stale_after_months),
            (one.lapsed_after_months, other.lapsed_after_months),
        )
    )
    return needs and customers and shorter


@given(st.lists(some_policy, min_size=1, max_size=4))
def test_the_strictest_is_at_least_as_strict_as_each(found: list[Policy]) -> None:
    assert all(at_least_as_strict(strictest(found), one) for one in found)


@given(some_policy, some_policy)
def test_it_does_not_matter_whose_law_is_asked_first(one: Policy, other: Policy) -> None:
    assert strictest([one, other]) == strictest([other, one])
    assert strictest([one, one]).needs is one.needs


def test_without_any_law_consent_is_needed_and_being_a_customer_does_not_help() -> None:
    nothing = policy((), recipient="AT", sender="DE", channel="email", kind="b2c", on=TODAY, markets=MARKETS)
    assert (nothing.needs, nothing.customers) == (Needs.CONSENT, False)


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("kind", list(Kind))
def test_each_country_has_one_row_for_every_channel_and_kind(country: str, channel: Channel, kind: Kind) -> None:
    found = [row for row in shipped() if row.holds(country=country, channel=channel, kind=kind, on=TODAY)]
    assert len(found) == 1
    # Never two at once, on no day on which any of them begins or ends.
    edges = {row.valid_from for row in shipped()} | {row.valid_to for row in shipped() if row.valid_to}
    for day in edges:
        assert sum(row.holds(country=country, channel=channel, kind=kind, on=day) for row in shipped()) <= 1


@pytest.mark.parametrize(
    ("recipient", "asked", "needs", "customers"),
    [
        ("AT", {}, Needs.CONSENT, True),
        ("AT", {"channel": "phone"}, Needs.CONSENT, False),
        ("AT", {"channel": "post"}, Needs.NO_OBJECTION, True),
        ("DE", {"kind": "b2b"}, Needs.CONSENT, True),
        ("PL", {}, Needs.CONSENT, True),
        ("PL", {"channel": "post"}, Needs.CONSENT, False),
        ("GB", {"kind": "b2b", "sender": "GB"}, Needs.NO_OBJECTION, True),
        ("GB", {"kind": "b2c", "sender": "GB"}, Needs.CONSENT, True),
        # The sender's own law goes with it wherever it writes.
        ("GB", {"kind": "b2b"}, Needs.CONSENT, True),
        ("US", {"sender": "US"}, Needs.NO_OBJECTION, True),
        ("US", {"sender": "AT"}, Needs.CONSENT, True),
        ("IT", {"channel": "sms"}, Needs.CONSENT, False),
        ("FR", {"channel": "phone", "sender": "FR", "on": date(2026, 8, 10)}, Needs.NO_OBJECTION, True),
        ("FR", {"channel": "phone", "sender": "FR", "on": date(2026, 8, 11)}, Needs.CONSENT, False),
        ("NL", {"channel": "phone", "sender": "NL", "on": date(2026, 6, 30)}, Needs.CONSENT, True),
        ("NL", {"channel": "phone", "sender": "NL", "on": date(2026, 7, 1)}, Needs.CONSENT, False),
    ],
)
def test_the_law_of_both_sides_counts(recipient: str, asked: dict[str, str], needs: Needs, customers: bool) -> None:
    found = holding(recipient, **asked)
    assert found.needs is needs
    assert needs is Needs.NO_OBJECTION or found.customers is customers


def test_customers_in_ireland_are_customers_for_a_year() -> None:
    assert holding("IE").customer_months == 12
    assert holding("AT").customer_months is None


def test_months_that_the_law_names_come_through() -> None:
    named = {"customer_months": 5, "inquiry_months": 4, "stale_after_months": 6, "lapsed_after_months": 7}
    row = PolicyRow(
        country="AT",
        channels=(Channel.EMAIL,),
        needs=Needs.CONSENT,
        customers=True,
        valid_from=TODAY,
        source="made up",
        **named,
    )
    found = law_of((row,), country="AT", channel="email", kind="b2c", on=TODAY)
    assert {name: getattr(found, name) for name in named} == named
    assert found.rows == (row,)
    settings = RuleSettings(policies=(row,))
    (line, *_) = [
        one
        for one in policy_lines(Weighing(settings, sender="AT", channel="email", lists=(), as_of=MIDNIGHT))
        if (one.country, one.kind) == ("AT", "b2c")
    ]
    assert (line.customer_since, line.inquired_since, line.fresh_after, line.lapsed_before) == (
        months_before(MIDNIGHT, 5),
        months_before(MIDNIGHT, 4),
        months_before(MIDNIGHT, 6),
        months_before(MIDNIGHT, 7),
    )


def test_the_rows_that_were_weighed_are_named() -> None:
    assert [(row.country, row.source[:3]) for row in holding("AT", sender="DE").rows] == [("AT", "§ 1"), ("DE", "§ 7")]


def test_a_market_that_is_stricter_than_elsewhere_counts_for_unknown_people() -> None:
    found = policy(
        shipped(), recipient=UNKNOWN, sender="DE", channel="email", kind="b2c", on=TODAY, markets=("DE", "IE")
    )
    assert found.customer_months == 12


def test_what_is_different_between_two_versions_is_told_line_by_line() -> None:
    before = RuleSettings()
    row = next(row for row in before.policies if row.country == "DE")
    shorter = row.model_copy(update={"customer_months": 6})
    kept = tuple(one for one in before.policies if one is not row and one.country != "CH")
    after = RuleSettings(markets=("AT",), role_accounts="send", policies=(*kept, shorter))
    found = {change.name: (change.before, change.after) for change in differences(before, after)}
    assert found["markets"] == ('["AT", "CH", "DE"]', '["AT"]')
    assert found["role_accounts"] == ("hold", "send")
    old, new = found["DE email+sms b2c+b2b from 2004-07-08"]
    assert "customer_months" not in old
    assert "customer_months: 6" in new
    assert [name for name, (_old, new) in found.items() if new is None] == [
        "CH email+sms b2c+b2b from 2007-04-01",
        "CH phone b2c+b2b from 2021-01-01",
        "CH post b2c+b2b from 2007-04-01",
    ]
    assert differences(after, after) == []


@pytest.mark.parametrize("channel", list(Channel))
def test_people_of_unknown_country_get_the_strictest_answer_of_all_markets(channel: Channel) -> None:
    unknown = holding(UNKNOWN, channel=channel)
    assert all(at_least_as_strict(unknown, holding(market, channel=channel)) for market in (*MARKETS, "PL"))


def test_the_lists_of_the_rows_are_asked_where_nothing_else_is_set() -> None:
    (ecg,) = RuleSettings().lists_for("email", on=TODAY)
    assert (ecg.list_id, ecg.concerned, ecg.max_age_days) == ("at.ecg.file", ("AT", UNKNOWN), 30)
    calls = {one.list_id: one for one in RuleSettings().lists_for("phone", on=TODAY)}
    assert (calls["be.dncm"].max_age_days, calls["be.dncm"].concerned) == (5, ("BE",))
    assert "fr.bloctel" not in calls
    assert "fr.bloctel" in {one.list_id for one in RuleSettings().lists_for("phone", on=TODAY - timedelta(days=365))}
    assert RuleSettings(required_lists=()).lists_for("email", on=TODAY) == ()


def test_rows_say_where_they_are_written_and_that_no_counsel_looked_at_them_yet() -> None:
    assert all(row.source for row in shipped())
    assert [row for row in shipped() if row.reviewed] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid_to": "2020-01-01"},
        {"customers": False, "customer_months": 12},
        {"country": "Austria"},
        {"channels": []},
        {"needs": "luck"},
        {"surprise": 1},
        {"source": ""},
    ],
)
def test_a_row_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    row = {"country": "AT", "channels": ["email"], "needs": "consent", "valid_from": "2021-11-01", "source": "TKG"}
    PolicyRow.model_validate(row)
    with pytest.raises(ValidationError):
        PolicyRow.model_validate(row | wrong)


def test_a_country_without_rows_for_a_channel_is_like_elsewhere() -> None:
    email_only = PolicyRow(
        country="AT",
        channels=(Channel.EMAIL,),
        needs=Needs.NO_OBJECTION,
        lists=(ListDuty(list_id="x", max_age_days=1),),
        valid_from=TODAY,
        source="made up",
    )
    elsewhere = PolicyRow(
        country=ELSEWHERE,
        channels=(Channel.EMAIL, Channel.SMS),
        needs=Needs.CONSENT,
        valid_from=TODAY,
        source="made up",
    )
    asked = {"country": "AT", "kind": "b2c", "on": TODAY}
    assert law_of((email_only, elsewhere), channel="email", **asked).needs is Needs.NO_OBJECTION
    assert law_of((email_only, elsewhere), channel="sms", **asked).needs is Needs.CONSENT
    yesterday = asked | {"on": TODAY - timedelta(days=1)}
    assert law_of((email_only, elsewhere), channel="email", **yesterday).rows == ()
