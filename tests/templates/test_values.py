"""No value of a contact ever becomes more than text."""

import unicodedata
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from templates import render
from tests.templates.samples import compiled, html_draft, urls

MADE = compiled(
    html_draft(
        '<p title="{{ contact.city }}">{{ contact.city }}</p>'
        '<a href="https://a.example/{{ contact.city }}">x</a><a href="{{ contact.city }}">y</a>',
        subject="Dear {{ contact.city }}, news",
        preheader="{{ contact.city }}",
    )
)


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name == "href"]


def _read(city: str) -> _Elements:
    mail = render(MADE, values={"contact": {"city": city}, "basis": "consent"}, urls=urls(MADE))
    parser = _Elements()
    parser.feed(mail.html)
    return parser


NASTY = st.one_of(
    st.text(),
    st.text(alphabet="\r\n\0<>\"'&=?:/\\{}%#-!@ ab\u2028\u2029\x85\u202e"),
    st.sampled_from(
        ["\r\nBcc: evil@example.com", "=?utf-8?q?Hi=0D=0ABcc:_evil@evil.example?=", "javascript:alert(1)", "{{ 7*7 }}",
         "--></p><script>alert(1)</script>", '" onmouseover="x', "https://good.example@evil.example/"]
    ),
)  # fmt: skip


@given(NASTY)
def test_a_value_never_adds_an_element_an_attribute_or_a_scheme(city):
    assert _read(city).found == _read("Graz").found
    assert all(address.startswith(("https://", "http://", "#")) for address in _read(city).addresses)


@given(NASTY)
def test_a_subject_is_one_line_without_control_characters_or_encoded_words(city):
    subject = render(MADE, values={"contact": {"city": city}, "basis": "consent"}, urls=urls(MADE)).subject
    assert len(subject.splitlines()) == 1
    assert not any(unicodedata.category(sign) == "Cc" for sign in subject)
    assert "=?" not in subject


@given(NASTY)
def test_a_value_is_never_run(city):
    mail = render(MADE, values={"contact": {"city": "{{ 7*7 }}" + city}, "basis": "consent"}, urls=urls(MADE))
    assert "{{ 7*7 }}" in mail.subject
    assert "{{ 7*7 }}" in mail.html
