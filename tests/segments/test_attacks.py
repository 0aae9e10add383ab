"""What people with bad intentions, or with a broken export, write into a segment."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.db import transaction
from core.errors import NotFound, WrongInput
from segments import compile as compiled
from segments import count, parse, parse_yaml
from segments.fields import typed
from segments.service import get, impatient
from tests.segments.world import FIELDS, NOW, Person, move_in, settle


def _refused(data, *, status=422):
    with pytest.raises(WrongInput) as caught:
        compiled(parse(data), FIELDS, NOW)
    assert caught.value.status == status
    assert caught.value.message
    return caught.value


@pytest.mark.parametrize(
    "data",
    [
        {"field": "email); DROP TABLE contact--", "is": "a"},
        {"field": "fields->>'age'", "is": "a"},
        {"field": "password", "is": "a"},
        {"field": "__proto__", "is": "a"},
        {"field": "__class__", "is": "a"},
        {"field": "", "is": "a"},
        {"field": "job\0", "is": "a"},
    ],
)
def test_a_field_that_is_not_on_the_list_is_refused_with_its_place(data):
    assert _refused({"all": [data]}).where == "all[0].field"


@pytest.mark.parametrize("operator", ["~*", "regex", "=", "is; --", "ilike", "value", "operator", "__init__"])
def test_an_operator_that_is_not_on_the_list_is_refused(operator):
    _refused({"field": "job", operator: "(a+)+$"})


@pytest.mark.parametrize(
    "data",
    [
        {"field": "job", "is": "a", "sort": "password"},
        {"field": "job", "is": "a", "order_by": "id desc, pg_sleep(5)"},
        {"all": [{"field": "job", "is": "a"}], "limit": 1},
        {"consent": {"state": "confirmed", "__proto__": {}}},
        {"where": {"expr": [{"val": {"x": {"y": 1}}}]}},
        {"field": "job", "is": {"expr": [{"val": {"x": {"y": 1}}}]}},
        {"field": "job", "in": [["a"]]},
        {"field": ["job"], "is": "a"},
        {"not": [{"field": "job", "is": "a"}]},
        {"all": {"field": "job", "is": "a"}},
        {"all": "job"},
        [],
        None,
        7,
        "all",
    ],
)
def test_keys_and_shapes_that_no_definition_has_are_refused(data):
    _refused(data)


def test_a_definition_with_too_many_conditions_is_refused_before_it_is_read():
    leaf = {"field": "job", "is": "a"}
    assert _refused({"all": [leaf] * 10_000}, status=413).code == "segment_too_large"
    parse({"all": [leaf] * 199})


def test_a_definition_nested_too_deep_is_refused_however_deep():
    deep = {"field": "job", "is": "a"}
    for _ in range(100_000):
        deep = {"not": deep}
    _refused(deep, status=413)
    shallow = {"field": "job", "is": "a"}
    for _ in range(7):
        shallow = {"all": [shallow]}
    parse(shallow)
    _refused({"all": [shallow]}, status=413)


@pytest.mark.parametrize("value", ["' OR 1=1--", "%", "_", "\\", "/", "/%", "a%", "%'", '"', "$1", ":x", "%(x)s", "{}"])
@pytest.mark.parametrize("operator", ["is", "contains", "starts_with", "ends_with"])
@pytest.mark.parametrize("name", ["job", "first_name"])
def test_values_are_matched_literally(database, name, operator, value):
    people = [Person(first_name="abc", fields={"job": "abc"}), Person(first_name=value, fields={"job": value})]
    with transaction() as session:
        settle(session)
        ids = move_in(session, people)
        found = list(session.scalars(compiled(parse({"field": name, operator: value}), FIELDS, NOW)))
    assert found == [ids[1]]


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 1e400, -(2**63) - 1, 2**63, True, "30", None, [], [30], "x" * 2_000, 1.5, b"30"],
)
def test_numbers_that_no_database_compares_and_other_types_are_refused(value):
    _refused({"field": "age", "gte": value})


@pytest.mark.parametrize("value", [3, True, "a\0b", "\ud800", ["a"], 1.0])
def test_texts_are_texts(value):
    _refused({"field": "job", "contains": value})


@pytest.mark.parametrize("value", ["2026-13-01", "yesterday", "2026-1-1", 20260101, "2026-01-01T00:00:00", ""])
def test_days_are_days(value):
    _refused({"field": "joined", "before": value})


@pytest.mark.parametrize("days", [0, -1, 10**9, 1.5, True, "7"])
def test_spans_are_whole_days_within_a_lifetime(days):
    _refused({"field": "joined", "within_last": days})
    _refused({"opened": {"within_days": days}})


def test_a_repeated_key_is_refused_with_its_line():
    with pytest.raises(WrongInput) as caught:
        parse_yaml("all:\n  - {field: job, is: a}\n  - field: job\n    is: a\n    is: b\n")
    assert caught.value.where == "line 5, all[1]"


def test_yaml_names_line_and_path():
    with pytest.raises(WrongInput) as caught:
        parse_yaml("all:\n  - {field: job, is: a}\n  - any:\n      - {feld: job, is: a}\n")
    assert caught.value.where == "line 4, all[1].any[0]"


@pytest.mark.parametrize(
    "written",
    [
        "!!python/object/apply:os.system ['true']",
        "all: &a [*a]",
        "a: &a [x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b,*b]",
        "[" * 5_000,
        "\x00",
        "all: [",
        "%YAML 9",
        "? [a]\n: b",
        "9" * 5_000,
    ],
)
def test_yaml_tricks_are_refused(written):
    with pytest.raises(WrongInput):
        parse_yaml(written)


def test_a_multiplying_alias_is_stopped():
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(WrongInput) as caught:
        parse_yaml("\n".join(lines))
    assert caught.value.status == 413


def test_a_segment_that_does_not_exist_is_not_found(database):
    with transaction() as session, pytest.raises(NotFound):
        get(session, "of-somebody-else")


def test_a_query_that_takes_too_long_is_cancelled_and_the_transaction_lives(database):
    with transaction() as session:
        with pytest.raises(WrongInput) as caught, impatient(session, milliseconds=50):
            session.execute(text("SELECT pg_sleep(30)"))
        assert caught.value.code == "segment_slow"
        assert session.scalar(text("SELECT current_setting('statement_timeout')")) == "0"
        assert count(session, parse({"field": "country", "is": "AT"})).members == 0
        assert session.scalar(text("SELECT current_setting('statement_timeout')")) == "0"


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["all", "any", "not", "field", "is", "in", "gte", "segment", "consent", "purchases", "age"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(json)
def test_whatever_is_written_is_a_definition_or_a_clear_refusal(data):
    with suppress(WrongInput):
        compiled(parse(data), FIELDS, NOW)


def test_every_allowed_operator_of_every_field_is_understood_and_no_other():
    def accepts(data):
        try:
            typed(parse(data).root, fields=FIELDS, today=NOW.date(), where="")
        except WrongInput:
            return False
        return True

    assert accepts({"field": "housing_loan", "is": False})
    assert not accepts({"field": "housing_loan", "gte": False})
    assert not accepts({"field": "housing_loan", "contains": "t"})
    assert not accepts({"field": "plan", "is": "gold"})
    assert not accepts({"field": "age", "between": [3, 1]})
    assert not accepts({"field": "joined", "starts_with": "2026"})
