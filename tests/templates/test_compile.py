"""From what people write to the mail that one recipient gets."""

import re
from html import unescape

import css_inline
import pytest
from jinja2 import Environment

from core.errors import WrongInput
from templates import Compiled, Draft, compile_notice, render
from templates.models import Markup
from tests.templates.samples import CONTROLLER, Sender, compiled, html_draft, mjml_draft, rendered, urls

ROWS = (
    "<style>td { color: red }</style><table>"
    "{% if contact.city and 1 < 2 %}<tr><td>{{ contact.city }}</td></tr>{% else %}<tr><td>none</td></tr>{% endif %}"
    "{% for item in ['a', 'b'] %}<tr><td>{{ loop.index }} {{ item }}</td></tr>{% endfor %}"
    "</table><p title='{{ contact.first_name }}'>{{ contact.first_name|upper }}</p>"
)


def _body(html: str) -> str:
    inside = re.search(r"<body[^>]*>(.*?)<div role=\"contentinfo\"", html, re.DOTALL)
    assert inside
    return inside[1]


@pytest.mark.parametrize("contact", [{"city": "Graz", "first_name": 'A "<b>'}, {"city": None, "first_name": ""}])
def test_a_compiled_mail_says_what_plain_jinja_would_have_said(contact):
    values = {name: value or "" for name, value in contact.items()}
    plain = Environment(autoescape=True).from_string(ROWS).render(contact=values)
    expected = css_inline.CSSInliner(keep_style_tags=True).inline(plain)
    inside = re.search(r"<body>(.*)</body>", expected, re.DOTALL)
    assert inside
    ours = _body(rendered(html_draft(ROWS), **contact).html)
    assert unescape(ours) == unescape(re.sub("</?tbody>", "", inside[1]))


def test_a_condition_between_rows_still_covers_its_row():
    body = "<table>{% if contact.city %}<tr><td>only in town</td></tr>{% endif %}</table>"
    assert "only in town" in rendered(html_draft(body), city="Graz").html
    assert "only in town" not in rendered(html_draft(body), city="").html
    assert "only in town" not in rendered(html_draft(body), city="").text


def test_a_condition_between_sections_of_mjml_still_covers_them():
    body = (
        "<mjml><mj-body>{% if contact.city %}<mj-section><mj-column><mj-text>only in town</mj-text></mj-column>"
        "</mj-section>{% endif %}<mj-section><mj-column><mj-table>{% if contact.number %}<tr><td>row</td></tr>"
        "{% endif %}</mj-table></mj-column></mj-section></mj-body></mjml>"
    )
    draft = html_draft(body, markup=Markup.MJML)
    assert "only in town" in rendered(draft, city="Graz").html
    mail = rendered(draft, city="", number="")
    assert "only in town" not in mail.html
    assert "row</td>" not in mail.html


@pytest.mark.parametrize(
    "body",
    [
        "<table>loose words {{ contact.city }}<tr><td>x</td></tr></table>",
        "{% if contact.city %}<div>{% endif %}text{% if contact.city %}</div>{% endif %}",
        "<p>{% if contact.city %}</p><p>{% endif %}</p>",
        "<a {% if contact.city %}class='x'{% endif %}>x</a>",
        "<a title={{ contact.city }}>x</a>",
        "<a title='{% if contact.city %}a'>x</a><b title='{% endif %}'>y</b>",
        "<{{ contact.city }}>",
        "<p>{{ contact.city }</p>",
        "<p style='color:{{ contact.city }}'>x</p>",
        "<style>{{ contact.city }}</style>",
        "<p>a <b",
        "<table><tbody></tbody></table><table>{% if contact.city %}<tr></tr>{% endif %}<tr><td>c</td></tr></table>",
    ],
)
def test_markup_that_a_parser_would_repair_in_its_own_way_is_refused(body):
    with pytest.raises(WrongInput) as caught:
        compiled(html_draft(body))
    assert caught.value.where.startswith("body, line 1")


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "<p onclick='x()'>x</p>",
        "<iframe srcdoc='x'></iframe>",
        "<base href='https://evil.example/'>",
        "<form action='https://evil.example/'></form>",
        "<meta http-equiv='Refresh' content='0'>",
        "<svg onload=x></svg>",
        "<style>@import url(https://evil.example/x.css)</style>",
        "<link rel='stylesheet' href='https://evil.example/x.css'>",
    ],
)
def test_active_content_is_refused(body):
    with pytest.raises(WrongInput):
        compiled(html_draft(body))


@pytest.mark.parametrize(
    ("inner", "name"),
    [("<mj-txt>x</mj-txt>", "mj-txt"), ("<p>x</p>", "p"), ("<mj-text>\n<mj-buton>x</mj-buton></mj-text>", "mj-buton")],
)
def test_an_element_that_mjml_does_not_have_is_refused_with_its_line(inner, name):
    with pytest.raises(WrongInput) as caught:
        compiled(mjml_draft(f"\n{inner}"))
    assert caught.value.code == "mjml_tag_unknown"
    assert f"<{name}>" in caught.value.message
    assert re.fullmatch(r"body, line [23]", caught.value.where)


def test_included_files_and_broken_mjml_are_refused():
    with pytest.raises(WrongInput, match="Included"):
        compiled(mjml_draft("<mj-include path='/etc/passwd' />"))
    with pytest.raises(WrongInput):
        compiled(mjml_draft("<mj-text>x"))


@pytest.mark.parametrize("markup", ["html", "mjml"])
def test_the_footer_stands_in_each_part_exactly_once(markup):
    draft = html_draft("<p>Hello</p>") if markup == "html" else mjml_draft("<mj-text>Hello</mj-text>")
    mail = rendered(draft)
    for part in (mail.html, mail.text):
        assert part.count("https://t.example/u/1") == 1
        assert part.count("https://t.example/p/1") == 1
        assert part.count("https://t.example/w/1") == 1
        assert part.count("Ring 1, 1010 Wien") == 1
        assert "because you agreed" in part


def test_the_footer_stands_where_the_author_put_it():
    mail = rendered(html_draft("<p>before</p>{{ footer }}<p>after</p>", text="one\n{{ footer }}\ntwo"))
    assert mail.html.index("before") < mail.html.index("Ring 1") < mail.html.index("after")
    assert mail.text.index("one") < mail.text.index("Ring 1") < mail.text.index("two")
    assert mail.html.count("Ring 1") == mail.text.count("Ring 1") == 1


@pytest.mark.parametrize(
    "body",
    [
        "{{ footer }}{{ footer }}",
        "{% if contact.city %}{{ footer }}{% endif %}",
        "{% for a in ['x'] %}{{ footer }}{% endfor %}",
        "<!-- {{ footer }} -->",
        "<p title='{{ footer }}'>x</p>",
        "{{ footer|upper }}",
        "{{ 'x' ~ footer }}",
    ],
)
def test_a_footer_that_some_would_not_see_is_refused(body):
    with pytest.raises(WrongInput) as caught:
        compiled(html_draft(body))
    assert caught.value.code == "footer_misplaced"


def test_a_customer_is_told_of_the_right_to_object():
    mail = rendered(html_draft("<p>Hello</p>"), basis="existing_customer")
    assert "at no cost beyond" in mail.html
    assert "at no cost beyond" in mail.text
    german = rendered(html_draft("<p>Hallo</p>", locale="de"), basis="existing_customer")
    assert "jederzeit widersprechen" in german.html
    assert "Abmelden" in german.text
    assert '<html lang="de"' in german.html


def test_links_are_numbered_once_and_replaced_in_both_parts():
    body = (
        '<a href="https://shop.example/?a=1&amp;b=2">one</a> <a href="https://b.example">two</a>'
        ' <a href="https://shop.example/?a=1&amp;b=2">again</a> <a href="mailto:a@b.example">write</a>'
        ' <a href="{{ unsubscribe_url }}">out</a>'
    )
    made = compiled(html_draft(body))
    assert made.links == ("https://shop.example/?a=1&b=2", "https://b.example")
    mail = render(made, values={"contact": {}, "basis": "consent"}, urls=urls(made))
    assert mail.html.count('href="https://t.example/c/0"') == 2
    assert 'href="mailto:a@b.example"' in mail.html
    assert "shop.example" not in mail.html + mail.text
    assert "one <https://t.example/c/0>" in mail.text
    assert "write <a@b.example>" in mail.text


def test_a_link_in_a_comment_for_outlook_is_replaced_too():
    body = '<!--[if mso]><v:roundrect href="https://shop.example/a">x</v:roundrect><![endif]--><p>x</p>'
    made = compiled(html_draft(body))
    assert made.links == ("https://shop.example/a",)
    assert "shop.example" not in made.html


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "https:evil.example", "%2f%2fevil.example", "https://good@evil.example",
        "https://good.example@evil.example/", "ht\ttps://evil.example", "java&#10;script:x", "javascript:x",
        "data:text/html,x", "vbscript:x", "ftp://a.example", "https://a.example/\r\nx", "https://a b.example",
        "page.htm", "https://", "https://a.example\\@evil.example",
        "{{ contact.city }}://x", "https://{{ contact.city }}.example/",
        "https://{{ contact.city }}/", "javascript:{{ contact.city }}", "https://a.example:x/", "",
    ],
)  # fmt: skip
def test_a_link_that_leads_nobody_knows_where_is_refused(target):
    with pytest.raises(WrongInput) as caught:
        compiled(html_draft(f'<p>x</p>\n<a href="{target}">x</a>'))
    assert caught.value.code in {"link_unsafe", "markup_broken"}


def test_a_merged_value_is_a_part_of_an_address_and_never_more():
    body = '<a href="https://a.example/?n={{ contact.number }}&amp;x=1">x</a><a href="{{ contact.city }}">y</a>'
    mail = rendered(html_draft(body), number="1&admin=/?#\"'<", city="javascript:alert(1)")
    assert 'href="https://a.example/?n=1%26admin%3D%2F%3F%23%22%27%3C&amp;x=1"' in mail.html
    assert 'href="#"' in mail.html
    assert "javascript" not in mail.html + mail.text
    assert 'href="https://ok.example/a?b=c"' in rendered(html_draft(body), city="https://ok.example/a?b=c").html


def test_the_pixel_is_there_only_for_those_who_agreed():
    assert "https://t.example/o" in rendered(html_draft("<p>x</p>"), pixel="https://t.example/o").html
    assert "<img" not in rendered(html_draft("<p>x</p>")).html


def test_mjml_asks_no_other_company_for_fonts():
    assert "googleapis" not in rendered(mjml_draft("<mj-text>x</mj-text>")).html


def test_the_text_part_reads_like_the_html():
    body = (
        "<style>p{}</style><h1>Title</h1><p>One &amp; <b>two</b></p><ul><li>first</li><li>second</li></ul>"
        "<div style='display:none'>hidden</div><img src='https://a.example/x.png' alt='A picture'>"
    )
    text = rendered(html_draft(body)).text
    assert text.startswith("Title\n\nOne & two\n\n- first")
    assert "- second" in text
    assert "hidden" not in text
    assert "A picture" in text


def test_a_text_part_of_its_own_is_taken_and_its_addresses_are_counted():
    draft = html_draft("<p>x</p>", text="Go to https://shop.example/a, {{ contact.first_name }}.\n")
    made = compiled(draft)
    assert made.links == ("https://shop.example/a",)
    assert rendered(draft, first_name="Ann <b>").text.startswith("Go to https://t.example/c/0, Ann <b>.")


def test_what_only_looks_like_a_tag_is_printed_as_it_is():
    mail = rendered(
        html_draft("<p>&#123;&#123; contact.city }} {<b>{{ contact.first_name }}</b></p>"), first_name="Ann"
    )
    assert "{{ contact.city }}" in mail.html
    assert "{{ contact.city }} {Ann" in mail.text


def test_a_compiled_mail_survives_being_stored():
    made = compiled(html_draft("<a href='https://a.example/'>{{ contact.city }}</a>", preheader="{{ contact.number }}"))
    again = Compiled.from_document(made.to_document())
    assert again == made
    assert again.digest == made.digest
    assert made.fields == ("city", "number")


def test_an_answer_to_a_person_has_an_imprint_but_no_way_out_and_no_pixel():
    draft = Draft(subject="Confirm", body='<p>{{ company }}</p><a href="{{ confirm_url }}">yes</a>', locale="en")
    made = compile_notice(
        draft, controller=CONTROLLER, sender=Sender(), urls=frozenset({"confirm_url"}), texts=frozenset({"company"})
    )
    values = {"confirm_url": "https://t.example/k/1", "company": "X & Y"}
    mail = render(made, values=values, urls=urls(made, "https://t.example/o"))
    assert 'href="https://t.example/k/1"' in mail.html
    assert "X &amp; Y" in mail.html
    assert "Ring 1" in mail.html
    assert "/u/1" not in mail.html + mail.text
    assert "<img" not in mail.html
    assert made.links == ()


def test_a_mail_that_grows_too_large_is_refused():
    body = (
        "{% for a in ["
        + "'x'," * 50
        + "] %}{% for b in ["
        + "'x'," * 50
        + "] %}<p>"
        + "y" * 300
        + "</p>{% endfor %}{% endfor %}"
    )
    with pytest.raises(WrongInput, match="larger than 512 KB"):
        rendered(html_draft(body))
