"""The fast way from a wording to bytes says the same as the slow one, for any value, and stays within the lines."""

import quopri
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from templates import Compiled, Quoted, Urls, is_plain_base, render, render_quoted
from templates.quoted import WIDTH, quoted, ready, whole

BODY = """<p>Guten Tag {{ contact.first_name }}{% if contact.last_name %} {{ contact.last_name }}{% endif %},</p>
{% for one in ["a", "b"] %}<td>{{ loop.index }}. {{ one|upper }}: {{ contact.city|default("…") }}</td>
{% endfor %}.Punkt am Anfang, zwei  Blanks,\tTab = gleich <a href="{{ url_0 }}">x</a> <a href="{{ url_1 }}">y</a> \n
{{ contact.city }}{{ contact.first_name }} <a href="{{ unsubscribe_url }}">ab</a> {{ "=3D" }} {{ contact.number + 1 }}
{% if pixel_url %}<img src="{{ pixel_url }}">{% endif %}"""

WORDS = Compiled(
    locale="de",
    subject="Für {{ contact.first_name }}",
    html=BODY,
    text=f"\n{BODY}\n",
    links=("https://shop.example/a?b=1&c='2'", "https://shop.example/" + "x" * 200),
    fields=("first_name", "last_name", "city", "number"),
)
VALUE = st.none() | st.text(max_size=40) | st.text(".=\t \n&<'\"ü€x", max_size=200)


def mail(first: str | None, last: str | None, city: str | None, *, pixel: str | None = None) -> tuple[dict, Urls]:
    contact = {"first_name": first, "last_name": last, "city": city, "number": 4}
    urls = Urls(links=WORDS.links, unsubscribe="https://x.example/u/t", preferences="", why="", pixel=pixel)
    return {"contact": contact, "basis": "consent"}, urls


def read(part: bytes) -> str:
    return quopri.decodestring(part).decode().replace("\r\n", "\n")


@given(VALUE, VALUE, VALUE, st.sampled_from([None, "https://x.example/o/" + "t" * 90]))
def test_the_mail_that_travels_is_the_mail_that_people_read(first, last, city, pixel):
    values, urls = mail(first, last, city, pixel=pixel)
    shown, travels = render(WORDS, values=values, urls=urls), render_quoted(WORDS, values=values, urls=urls)
    assert travels.subject == shown.subject
    for said, part in ((shown.html, travels.html), (shown.text, travels.text)):
        assert read(part) in {said, said + "\n"}
        check_lines(part)


def check_lines(part: bytes) -> None:
    lines = part.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) <= WIDTH + 1 for line in lines)
    assert not any(line.startswith(b".") or line.endswith((b" ", b"\t")) for line in lines)
    assert b"  " not in part
    assert re.fullmatch(rb"[ -~\r\n]*", part)


@given(st.lists(st.text(max_size=100) | st.text(". =\n", max_size=200), max_size=6))
def test_pieces_can_be_put_together_in_any_order(pieces):
    joined = whole(map(quoted, pieces))
    said = "".join(piece.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "") for piece in pieces)
    assert read(joined).removesuffix("\n") == said.removesuffix("\n")
    check_lines(joined)


@pytest.mark.parametrize(
    "piece", ["", "a", "x" * 75, "x" * 76, "x" * 150, "x" * 75 + ".y", ".", "a.", " ", "a ", "=", "ü" * 40]
)
def test_a_piece_begins_and_ends_at_the_start_of_a_line(piece):
    assert quoted(piece) == "" or quoted(piece).endswith("\r\n")
    assert read(quoted(piece).encode()) == piece
    check_lines(quoted(piece).encode() or b"\r\n")


BASES = st.from_regex(r"https://[a-z.&=ü]{1,70}(:[0-9]{1,5})?(/[a-z]{1,9})?", fullmatch=True)


@given(BASES, st.text("ABCxyz019-_", min_size=36, max_size=60))
def test_addresses_that_need_no_look_are_printed_as_if_they_had_got_one(base, token):
    addresses = {"why_url": f"{base}/w/{token}", "url_0": f"{base}/c/{token}", "renew_url": ""}
    assume(is_plain_base(base))
    assert ready(addresses, plain=True) == ready(addresses)


@pytest.mark.parametrize(
    "base", ["https://x.example/?a=b", "https://ü.example", "https://" + "x" * 67, "https://a'b.example"]
)
def test_addresses_that_need_a_look_get_one(base):
    assert not is_plain_base(base)


def test_a_hundred_empty_values_in_a_row_end_nothing():
    many = '{% for a in ["", "", "", "", "", "", "", "", "", ""] %}' * 2 + "{{ a }}" * 20 + "{% endfor %}" * 2
    words = Compiled(locale="de", subject="", html=f"{many}<p>end</p>", text=f"{many}end", links=())
    values, urls = mail(None, None, None)
    made = render_quoted(words, values=values, urls=urls)
    assert (read(made.html), read(made.text)) == ("<p>end</p>\n", "end\n")


def test_an_empty_mail_is_a_mail():
    empty = Compiled(locale="de", subject="", html="", text="", links=())
    values, urls = mail(None, None, None)
    assert render_quoted(empty, values=values, urls=urls) == Quoted(subject="", html=b"\r\n", text=b"\r\n")
