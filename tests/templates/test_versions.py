"""Versions can be changed until something rests on them."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from contacts.models import Contact, FieldDefinition, FieldType
from core.db import transaction
from core.errors import NotFound, WrongInput
from templates import check, freeze, latest, preview, save
from templates.models import Template
from tests.templates.samples import html_draft

GOOD = html_draft(
    "<p>Hello {{ contact.first_name }}, here is what is new in the shop this week for you and your family.</p>"
)


def _save(draft, **changes):
    with transaction() as session:
        version = save(session, code="news", name="News", draft=draft, author="ann@bank.example", **changes)
        return version.template_id, version.number


def test_a_version_changes_in_place_until_it_is_frozen(database):
    template_id, number = _save(GOOD)
    assert (template_id, number) == _save(html_draft("<p>Other words</p>"))
    with transaction() as session:
        freeze(session, version=latest(session, template_id=template_id))
    assert _save(html_draft("<p>Other words</p>")) == (template_id, 1)
    assert _save(GOOD) == (template_id, 2)
    with transaction() as session:
        assert session.query(Template).count() == 1
        assert latest(session, template_id=template_id).body == GOOD.body


def test_the_database_refuses_to_change_a_frozen_version(database):
    template_id, _ = _save(GOOD)
    with transaction() as session:
        freeze(session, version=latest(session, template_id=template_id))
    with pytest.raises(DBAPIError), transaction() as session:
        session.execute(text("UPDATE template_version SET subject = 'Other'"))
    with pytest.raises(DBAPIError), transaction() as session:
        session.execute(text("DELETE FROM template_version"))


def test_a_wording_that_cannot_be_sent_is_not_stored(database):
    with pytest.raises(WrongInput, match=r"contact\.first_name"):
        _save(html_draft("<p>{{ contact.frist_name }}</p>"))
    with transaction() as session:
        assert session.query(Template).count() == 0


def test_custom_fields_can_be_merged_once_they_are_defined(database):
    draft = html_draft("<p>{{ contact.balance_eur|number(2) }}</p>")
    with pytest.raises(WrongInput):
        _save(draft)
    with transaction() as session:
        session.add(FieldDefinition(name="balance_eur", label="Balance", type=FieldType.NUMBER))
    assert _save(draft)[1] == 1


def test_a_preview_shows_the_mail_of_one_contact(database):
    template_id, _ = _save(GOOD)
    with transaction() as session:
        contact = Contact(first_name="Ben", fields={})
        session.add(contact)
        session.flush()
        version = latest(session, template_id=template_id)
        assert "Hello Ben" in preview(session, version=version, contact_id=contact.id).html
        assert "Hello Maria" in preview(session, version=version).html
        with pytest.raises(NotFound):
            preview(session, version=version, contact_id=999)


def test_a_check_says_what_is_worth_a_remark(database):
    draft = html_draft(
        '<img src="https://a.example/x.png"><a href="http://a.example/">x</a>'
        '<a href="https://a.example/{{ contact.number }}">y</a>',
        subject="Re: " + "long " * 20,
    )
    with transaction() as session:
        codes = {finding.code: finding.severity for finding in check(session, version=draft)}
        broken = check(session, version=html_draft("<p>\n{{ contact.oops }}</p>"))
        clean = check(session, version=GOOD)
    assert {
        "subject_long",
        "subject_pretends",
        "link_not_https",
        "link_not_counted",
        "image_without_alt",
    } <= codes.keys()
    assert {"preheader_missing", "text_made", "few_words", "unsubscribe_in_footer"} <= codes.keys()
    assert [(finding.severity, finding.where) for finding in broken] == [("fail", "body, line 2")]
    assert not [finding for finding in clean if finding.severity != "info"]
