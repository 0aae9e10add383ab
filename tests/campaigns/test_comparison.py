"""Whoever approves sees everything that is different from what was approved before, and nothing that is not."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from campaigns.comparison import ADDED, LEFT_OUT, REMOVED, SAME, Shown, compare, everything, lines, numbers

words = st.text(st.sampled_from("ab \n<é"), max_size=30)
texts = st.fixed_dictionaries({name: st.none() | words for name in ("subject", "body", "segment", "imprint")})
values = st.dictionaries(
    st.sampled_from(["from", "purpose", "rules", "list a", "list b"]), st.none() | words | st.integers()
)
shown = st.builds(Shown, texts=texts, values=values)
leaf = st.none() | words | st.integers()
bound = st.fixed_dictionaries(
    {
        "content": st.fixed_dictionaries({"template": leaf, "version": leaf, "sha256": leaf}),
        "audience": st.fixed_dictionaries({"segment": leaf, "sha256": leaf}),
        "sender": st.fixed_dictionaries({"code": leaf, "from": leaf, "imprint": leaf}),
        "purpose": leaf,
        "rules": leaf,
        "lists": st.dictionaries(st.sampled_from(["a", "b"]), st.integers()),
    }
)


@given(shown, bound)
def test_what_is_the_same_shows_no_difference(one, values):
    assert compare(one, one) == []
    assert everything(one, one, bound_before=values, bound_after=dict(values)) == []


@given(words, words)
def test_both_texts_can_be_read_out_of_the_difference(old, new):
    found = list(lines(old, new, around=None))
    assert "\n".join(one.text for one in found if one.sign != ADDED) == old
    assert "\n".join(one.text for one in found if one.sign != REMOVED) == new


@given(words, words)
def test_leaving_out_what_is_the_same_leaves_out_no_change(old, new):
    def changed(around):
        return [one for one in lines(old, new, around=around) if one.sign in (ADDED, REMOVED)]

    assert changed(1) == changed(None)
    left_out = sum(int(one.text) for one in lines(old, new, around=1) if one.sign == LEFT_OUT)
    same = [one for one in lines(old, new, around=1) if one.sign == SAME]
    assert left_out + len(same) == len([one for one in lines(old, new, around=None) if one.sign == SAME])


@given(shown, shown)
def test_every_text_and_value_that_changed_is_named_once(before, after):
    named = [one.name for one in compare(before, after)]
    wanted = {name for name in texts_of(before, after) if before.texts[name] != after.texts[name]}
    wanted |= {
        name for name in before.values.keys() | after.values.keys() if before.values.get(name) != after.values.get(name)
    }
    assert sorted(named) == sorted(wanted)


def texts_of(before, after):
    return [name for name in before.texts if before.texts[name] is not None and after.texts[name] is not None]


@given(bound, bound, shown, shown)
def test_nothing_that_an_approval_binds_changes_unseen(before, after, old, new):
    """Whatever people could read of it, or could not: each part that differs is named."""
    found = everything(old, new, bound_before=before, bound_after=after)
    changed = {part for part in before if before[part] != after[part]}
    assert changed <= {one.part for one in found}
    for part in ("content", "audience", "sender"):
        for name in before[part]:
            if before[part][name] != after[part][name]:
                assert any(one.part == part for one in found), (part, name)


@given(bound, shown)
def test_a_digest_that_changed_without_a_readable_text_is_shown_itself(values, one):
    unread = replace(one, texts=dict.fromkeys(one.texts))
    other = values | {"audience": values["audience"] | {"sha256": "another"}}
    (found,) = everything(unread, unread, bound_before=values, bound_after=other)
    assert (found.part, found.name, found.after) == ("audience", "audience sha256", "another")


def test_the_numbers_stand_side_by_side_with_the_most_people_first():
    before = {"send": 5, "hold": 0, "block": 2, "reasons": {"consent": 5, "opted_out": 2}}
    after = {"send": 4, "hold": 9, "block": 2, "reasons": {"consent": 4, "consent_stale": 9, "opted_out": 2}}
    told = [(one.kind, one.code, one.before, one.after) for one in numbers(before, after)]
    assert told == [
        ("verdict", "send", 5, 4),
        ("verdict", "hold", 0, 9),
        ("verdict", "block", 2, 2),
        ("reason", "consent_stale", 0, 9),
        ("reason", "consent", 5, 4),
        ("reason", "opted_out", 2, 2),
    ]
    assert {one.before for one in numbers({}, after)} == {None}
