"""The builder page: what it shows, sends and stores is the same definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.models import FieldType
from segments import parse
from segments.fields import STANDARD, Known
from segments.tree import ASKED, GROUPS, LEAVES, Part, from_data, from_form, pressed, to_data

FIELDS = dict(STANDARD) | {
    "age": Known("age", FieldType.INTEGER, custom=True),
    "balance": Known("balance", FieldType.NUMBER, custom=True),
    "member": Known("member", FieldType.BOOLEAN, custom=True),
}


def form(part: Part, place: str = "0") -> dict[str, str]:
    """What a browser would send for this tree."""
    sent = {f"{place}.kind": part.kind} | {f"{place}.{name}": value for name, value in part.values.items()}
    for number, member in enumerate(part.members):
        sent |= form(member, f"{place}.{number}")
    return sent


DEFINITIONS = [
    {"all": [{"field": "age", "gte": 30}, {"field": "balance", "gt": 500}]},
    {"any": [{"field": "country", "in": ["AT", "DE"]}, {"not": {"field": "member", "is": True}}]},
    {"all": [{"field": "age", "between": [20, 30]}, {"field": "email", "is_not_empty": True}]},
    {"all": [{"consent": {"purpose": "newsletter", "state": "confirmed", "channel": "email"}}]},
    {"all": [{"consent": {"state": "confirmed", "unused_at_least": 365, "unused_at_most": 540}}]},
    {"all": [{"purchases": {"count": {"gte": 2}, "within_days": 365}}, {"purchases": {"sum": {"gt": 99.5}}}]},
    {"all": [{"opened": {"within_days": 30, "at_least": 2}}, {"clicked": {"within_days": 30, "link": "boots"}}]},
    {"any": [{"received": {"within_days": 7, "at_least": 1}}, {"segment": "everyone"}]},
    {"all": [{"field": "created_at", "within_last": 30}, {"not": {"any": [{"field": "source", "is": "fair"}]}}]},
]


@pytest.mark.parametrize("data", DEFINITIONS)
def test_a_definition_survives_the_builder(data):
    definition = parse(data)
    tree = from_data(definition.data)
    if tree is None:
        pytest.fail("the builder has no fields for this")
    back = to_data(from_form(form(tree)), FIELDS)
    assert parse(back).digest == definition.digest


def test_what_the_builder_cannot_show_is_left_to_yaml():
    assert from_data({"purchases": {"count": {"gte": 2}, "sum": {"gte": 10}}}) is None
    assert from_data({"all": [{"opened": {"within_days": 3, "at_least": 1, "human_only": False}}]}) is None


kinds = st.sampled_from([*LEAVES, *GROUPS])
places = st.sampled_from(["0", "0.0", "0.1", "0.0.0", "0.7", "9", "", "x"])
presses = st.one_of(
    st.builds(lambda place, kind: f"add:{place}:{kind}", places, kinds),
    st.builds(lambda place: f"remove:{place}", places),
    st.text(max_size=20),
)


@given(st.lists(presses, max_size=12))
def test_no_press_of_a_button_breaks_the_tree(actions):
    tree = Part("all")
    for action in actions:
        tree = from_form(form(pressed(tree, action)))
        assert tree.is_group
    to_data(tree, FIELDS)


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=12), max_size=20))
def test_any_form_gives_a_tree(sent):
    tree = from_form(sent)
    assert tree.kind in {*GROUPS, *ASKED}
