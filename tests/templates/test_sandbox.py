"""What people write cannot leave the sandbox, nor exhaust it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import WrongInput
from templates.sandbox import HTML, inspect
from tests.templates.samples import VOCABULARY, html_draft, rendered

ATTACKS = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ contact.__class__ }}",
    "{{ contact['__class__'] }}",
    "{{ lipsum.__globals__ }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ ''|attr('format') }}",
    "{{ '%s'.format }}",
    "{{ contact.first_name.format_map }}",
    "{{ self }}",
    "{{ config }}",
    "{{ request }}",
    "{{ contact }}",
    "{{ loop.index }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as o %}",
    "{% from 'os' import path %}",
    "{% extends 'base' %}",
    "{% block a %}{% endblock %}",
    "{% macro a() %}{% endmacro %}",
    "{% call a() %}{% endcall %}",
    "{% filter upper %}a{% endfilter %}",
    "{% with a=1 %}{% endwith %}",
    "{% raw %}{{ a }}{% endraw %}",
    "{% autoescape false %}{{ contact.first_name }}{% endautoescape %}",
    "{{ contact.first_name|safe }}",
    "{{ contact.delete() }}",
    "{{ 'A'*10**9 }}",
    "{{ 10**5000000 }}",
    "{{ 'x'.center(10**9) }}",
    "{{ 'x'|center(1000000000) }}",
    "{{ 'a'|replace('a', 'aaaa') }}",
    "{{ contact.first_name|map('upper') }}",
    "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "{% for a in contact.first_name %}{{ a }}{% endfor %}",
    "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% for a in [1] %}{% for b in [1] %}{% for c in [1] %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% for contact in ['a'] %}{{ contact }}{% endfor %}",
    "{% set a = 'x' %}",
    "{% set a %}x{% endset %}",
    "{% set ns = namespace(a='x') %}",
    "{{ [1, 2][0] }}",
    "{{ 'abc'[:1] }}",
    "{{ {'a': 1} }}",
    "{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}",
    "{{ 1" + "+1" * 30_000 + " }}",
    "{{ " + "not " * 3000 + "1 }}",
    "{% if 1 %}" * 500 + "{% endif %}" * 500,
    "{% for a in [" + "1," * 60 + "] %}{% endfor %}",
    "{{ '" + "x" * 2000 + "' }}",
    "x" * 300_000,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack[:40])
def test_an_attack_is_refused_when_the_template_is_saved(attack):
    with pytest.raises(WrongInput):
        inspect(attack, vocabulary=VOCABULARY, part="body")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ 'A' * 1000000000 }}", ""),
        ("{{ '%1000000000d' % 1 }}", ""),
        ("{{ 999999999999999 * 999999999999999 * 999999999999999 }}", ""),
        ("{{ 1 / 0 }}", ""),
        ("{{ 6 * 7 }}", "42"),
        ("{{ 7 // 2 }} {{ 7 % 2 }}", "3 1"),
    ],
)
def test_operators_work_on_numbers_of_sane_size_only(source, expected):
    inspect(source, vocabulary=VOCABULARY, part="body")
    assert HTML.from_string(source).render().strip() == expected


@pytest.mark.parametrize(
    ("source", "near"),
    [
        ("line one\n{{ contact.frist_name }}", "contact.first_name"),
        ("line one\n{% if contact.citty %}x{% endif %}", "contact.city"),
        ("line one\n{{ unsubscribe }}", "unsubscribe_url"),
    ],
)
def test_an_unknown_merge_field_is_named_with_its_line_and_the_nearest_known_one(source, near):
    with pytest.raises(WrongInput) as caught:
        inspect(source, vocabulary=VOCABULARY, part="body")
    assert caught.value.code == "merge_field_unknown"
    assert caught.value.where == "body, line 2"
    assert near in caught.value.remedy


@pytest.mark.parametrize(
    "source", ["a\n\n{{ contact.city", "a\n\n{% if contact.city %}", "a\n\n{{ 1 + }}", "a\n\n{% endif %}"]
)
def test_a_syntax_error_is_told_with_its_line(source):
    with pytest.raises(WrongInput) as caught:
        inspect(source, vocabulary=VOCABULARY, part="body")
    assert caught.value.code == "template_syntax"
    assert caught.value.where == "body, line 3"


def test_an_object_that_slips_into_the_values_shows_nothing():
    class Row:
        first_name = "hunter2"

        def __str__(self) -> str:
            return "hunter2"

    assert "hunter2" not in rendered(html_draft("<p>{{ contact.first_name }}</p>"), first_name=Row()).html


ALPHABET = st.sampled_from(
    ["{{", "}}", "{%", "%}", "{#", "#}", " ", "contact", ".", "first_name", "|", "upper", "if", "else", "endif", "for",
     "in", "endfor", "[", "]", "(", ")", "'", '"', "a", "1", "*", "**", "~", "not", "is", "__class__", "set", "=", "\n"]
)  # fmt: skip


@given(st.lists(ALPHABET, max_size=30).map("".join))
def test_what_the_inspection_lets_pass_renders_without_an_error(source):
    try:
        inspect(source, vocabulary=VOCABULARY, part="body")
    except WrongInput:
        return
    HTML.from_string(source).render(contact={"first_name": "Ann"})
