"""Limits that people change on a page: read with words, kept with a reason, never over what somebody else wrote."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.web import create_app
from core.db import transaction
from core.permissions import Role
from delivery.models import Sender
from delivery.pace.limit_form import filled, rows_of, written
from delivery.pace.limits import Limits, checked_limits
from delivery.pace.operators import codes
from tests.browsing import post, signed_in
from tests.delivery.sending import rows
from tests.factories import sender

WHOLE = st.none() | st.integers(1, 10**9)
RATE = st.none() | st.integers(1, 10**8).map(lambda many: many / 1000)
LIMIT = st.fixed_dictionaries({"per_second": RATE, "per_hour": WHOLE, "per_day": WHOLE})
CURVE = st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)).map(
    lambda two: {"first_day": min(two), "most": max(two)}
)
PERCENT = st.integers(0, 100_000).map(lambda many: many / 1000)
CODES = st.sampled_from([*codes().values(), "each", "shop.example"])


def same(code: str) -> str:
    return code


@settings(max_examples=40)
@given(whole=LIMIT, operators=st.dictionaries(CODES, LIMIT, max_size=4), curve=st.none() | CURVE,
       curves=st.dictionaries(CODES, CURVE, max_size=3), rest=st.tuples(PERCENT, st.sampled_from(",.")))  # fmt: skip
def test_the_form_says_what_is_stored_and_reads_what_it_says(whole, operators, curve, curves, rest):
    complaints, point = rest
    warm = {"warm_up": {"start": "2027-01-31", "growth": 1.25, "operators": curves} | curve} if curve else {}
    document = checked_limits(whole | {"operators": operators, "brake": {"complaints": complaints}} | warm)
    limits = Limits.model_validate(document)
    read = filled(written(limits, name_of=same, point=point), naming=same, brake=None)
    assert read.problems == {}
    found = Limits.model_validate(read.document)
    # A row that is there only for its curve limits nothing else.
    empty = {code: limits.operators.get(code) for code in found.operators if not found.operators[code].model_fields_set}
    assert all(one is None or one.is_open for one in empty.values())
    assert found.model_copy(update={"operators": limits.operators}) == limits
    assert {code: one for code, one in found.operators.items() if code in limits.operators} == limits.operators


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"per_second": "-1"}, "per_second"),
        ({"per_second": "0"}, "per_second"),
        ({"per_day": "1.5"}, "per_day"),
        ({"per_hour": "a lot"}, "per_hour"),
        ({"burst": "10"}, "burst"),
        ({"operator0_name": "Nobody", "operator0_per_day": "1"}, "operator0_name"),
        ({"operator0_name": "gmail", "operator3_name": "gmail"}, "operator3_name"),
        ({"operator0_name": "gmail", "operator0_share": "0"}, "operator0_share"),
        ({"warm_start": "2027-01-01", "warm_first_day": "5", "warm_most": "9", "operator0_name": "gmail",
          "operator0_warm_first_day": "5"}, "operator0_warm_most"),
        ({"operator0_name": "gmail", "operator0_warm_first_day": "5", "operator0_warm_most": "9"},
         "operator0_warm_first_day"),
        ({"warm_first_day": "5", "warm_most": "9"}, "warm_start"),
        ({"warm_start": "2027-01-01"}, "warm_first_day"),
        ({"warm_start": "2027-01-01", "warm_first_day": "50", "warm_most": "9"}, "warm_first_day"),
        ({"warm_start": "2027-01-01", "warm_first_day": "5", "warm_most": "9", "warm_growth": "1"}, "warm_growth"),
        ({"brake_complaints": "101"}, "brake_complaints"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_beside_its_field(fields, where):
    known = {"gmail": "gmail"}
    read = filled(fields, naming=known.get, brake=None)
    assert list(read.problems) == [where]
    assert str(read.problems[where])


@settings(max_examples=25)
@given(st.dictionaries(st.from_regex(r"\A(operator[0-3]_|warm_|brake_)?[a-z_]{1,12}\Z"), st.text(max_size=12)))
def test_no_form_breaks_the_page(form):
    read = filled(form, naming={"gmail": "gmail"}.get, brake=None)
    assert rows_of(form).empty
    if not read.problems:
        checked_limits(read.document)


def test_numbers_are_read_as_people_write_them():
    read = filled({"per_day": "20.000", "per_hour": "1 000", "per_second": "2,5", "brake_complaints": "0,1 %"},
                  naming=same, brake=None)  # fmt: skip
    assert (read.problems, read.document["per_day"], read.document["per_hour"]) == ({}, 20_000, 1000)
    assert (read.document["per_second"], read.document["brake"]) == (2.5, {"complaints": 0.1})


def stored() -> dict:
    with transaction() as session:
        found = session.query(Sender).one()
        return {"most_per_second": found.most_per_second, **found.limits}


def test_people_change_limits_with_a_reason_and_the_brake_needs_more(database):
    with transaction() as session:
        sender(
            session, most_per_second=7, limits={"brake": {"complaints": 0.2}, "operators": {"gmail": {"per_day": 5}}}
        )
    marketer = signed_in(create_app(), Role.MARKETER)
    shown = marketer.get("/senders/news/limits/edit").get_data(as_text=True)
    assert 'name="per_second" type="text" value="7"' in shown
    assert 'name="operator0_name" type="text" value="Gmail"' in shown
    seen = re.search(r'name="seen" value="(\w+)"', shown).group(1)
    form = {"seen": seen, "per_second": "20", "per_day": "50000", "operator0_name": "gmail", "operator0_per_day": "9",
            "operator1_name": "Microsoft 365", "operator1_per_hour": "8", "brake_complaints": "90"}  # fmt: skip
    answer = post(marketer, "/senders/news/limits/edit", **form)
    assert answer.status_code == 422
    assert "Say why" in answer.get_data(as_text=True)
    answer = post(marketer, "/senders/news/limits/edit", **form | {"per_day": "x"}, reason="more people")
    assert answer.status_code == 422
    assert 'value="Microsoft 365"' in answer.get_data(as_text=True)
    assert post(marketer, "/senders/news/limits/edit", **form, reason="more people").status_code == 302
    wanted = {"per_second": 20, "per_day": 50_000, "brake": {"complaints": 0.2},
              "operators": {"gmail": {"per_day": 9}, "microsoft_365": {"per_hour": 8}}}  # fmt: skip
    assert stored() == wanted | {"most_per_second": None}
    told = rows("SELECT reason, details FROM audit_event WHERE action = 'sender.limits'")
    assert [(one.reason, one.details["before"]["most_per_second"]) for one in told] == [("more people", 7)]
    assert "more people" in marketer.get("/senders/news/limits").get_data(as_text=True)
    # What was shown then is not what holds now.
    assert post(marketer, "/senders/news/limits/edit", **form, reason="again").status_code == 403
    compliance = signed_in(create_app(), Role.COMPLIANCE)
    shown = compliance.get("/senders/news/limits/edit").get_data(as_text=True)
    seen = re.search(r'name="seen" value="(\w+)"', shown).group(1)
    answer = post(compliance, "/senders/news/limits/edit", seen=seen, brake_complaints="0.3", reason="agreed")
    assert (answer.status_code, stored()) == (302, {"brake": {"complaints": 0.3}, "most_per_second": None})
    assert signed_in(create_app(), Role.RELEASER).get("/senders/news/limits/edit").status_code == 403
