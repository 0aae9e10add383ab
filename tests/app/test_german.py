"""What the stages below the pages say comes in the language of whoever reads it."""

import io
import json

import pytest
from flask import Flask
from sqlalchemy import update

from app.errors import answer
from app.imports.tasks import import_next
from app.languages import told
from contacts.models import Contact
from core.db import transaction
from core.permissions import Role
from core.sentences import Count, say
from core.users import User
from tests import world
from tests.browsing import PASSWORD, form_token, post

GERMAN = {"Accept-Language": "de-AT"}


@pytest.fixture
def found(app):
    made = world.make()
    with transaction() as session:
        session.execute(update(User).values(locale="de"))
    return made


def person(app: Flask, role: Role):
    client = app.test_client()
    form = {"email": f"{role}@crew.example", "password": PASSWORD, "csrf_token": form_token(client)}
    assert client.post("/sign-in", data=form).status_code == 302
    return client


def test_a_sentence_is_told_with_its_values_in_the_same_language(app):
    said = say("%(name)s takes %(kind)s.", name="age", kind=say("a whole number"))
    with app.test_request_context(headers=GERMAN):
        assert told(said) == "Zu age gehört: eine ganze Zahl."
        assert told(say("The line has more than %(most)s characters.", most=Count(4000))).count("4.000") == 1
        assert told("no words of ours") == "no words of ours"
    with app.test_request_context():
        assert told(said) == "age takes a whole number."


def test_what_is_unknown_is_named_in_german(app, found):
    answered = person(app, Role.MARKETER).get("/campaigns/nobody")
    assert answered.status_code == 404
    assert "Es gibt keine Kampagne nobody." in answered.text


def test_an_unknown_field_is_explained_in_german(app, found):
    yaml = "field: contry\nis: AT\n"
    page = post(person(app, Role.MARKETER), "/segments/new", code="s", name="S", yaml=yaml).text
    assert "Es gibt kein Feld &#39;contry&#39;." in page
    assert "Meinten Sie country?" in page


def test_a_broken_definition_names_its_line_in_german(app, found):
    yaml = "all:\n- {field: country, is: AT}\n- {clicked: {within_days: 0}}\n"
    page = post(person(app, Role.MARKETER), "/segments/new", code="s", name="S", yaml=yaml).text
    assert "Der Wert muss mindestens 1 sein." in page
    assert "Zeile 3, all[1].clicked.within_days" in page


def test_the_refusal_of_the_four_eyes_comes_in_german(app, found):
    page = post(person(app, Role.ADMIN), f"/campaigns/{found.running}/launch").text
    assert "Die Kampagne summer hat den Stand „im Versand“; nur eine freigegebene Kampagne kann gestartet" in page
    with transaction() as session:
        session.execute(update(User).where(User.email == "marketer@crew.example").values(role=Role.ADMIN))
    page = post(person(app, Role.MARKETER), f"/campaigns/{found.waiting}/approve").text
    assert (
        "marketer@crew.example hat die Kampagne autumn verfasst oder eingereicht und kann sie nicht freigeben." in page
    )


def test_the_sentences_of_a_segment_come_in_german(app, found):
    page = person(app, Role.MARKETER).get(f"/segments/{found.segment}").text
    assert "Kundennummer ist nicht leer" in page
    assert "is not empty" not in page


def test_findings_come_in_german_on_both_pages(app, found):
    client = person(app, Role.MARKETER)
    for path in (f"/templates/{found.template}", f"/campaigns/{found.waiting}"):
        page = client.get(path).text
        assert "Ein Textteil fehlt; er wird aus dem HTML gemacht." in page
        assert "Sehen Sie ihn sich in der Vorschau an." in page
        assert "There is no text part" not in page


def test_a_mail_that_cannot_be_built_says_where_in_german(app, found):
    form = {"subject": "x", "markup": "html", "locale": "de", "body": "<p>\n{{ contact.fristname }}</p>"}
    page = post(person(app, Role.MARKETER), "/templates/preview", **form).text
    assert "Es gibt keinen Platzhalter contact.fristname." in page
    assert "Inhalt, Zeile 2" in page
    assert "Meinten Sie contact.first_name?" in page


def test_the_explanation_of_a_lead_comes_in_german(app, found):
    page = person(app, Role.SALES).get("/leads/").text
    assert "geklickt" in page
    assert "clicked" not in page


def test_rejected_rows_are_explained_in_german(app, found):
    client = person(app, Role.MARKETER)
    file = io.BytesIO(b"number,email,country\nn1,a@mail.example,Austria\nn2,b mail.example,AT\n")
    form = {"kind": "contacts", "file": (file, "people.csv"), "csrf_token": form_token(client, "/import")}
    import_page = client.post("/import", data=form, content_type="multipart/form-data").location
    import_next.run()
    page = client.get(import_page).text
    assert "&#39;Austria&#39; ist kein Ländercode aus zwei Buchstaben (ISO 3166)." in page
    assert "In der Adresse ist ein Leerzeichen." in page


def test_a_file_that_was_not_imported_is_explained_in_german(app, found):
    client = person(app, Role.MARKETER)
    form = {"kind": "contacts", "file": (io.BytesIO(b"first\nAda\n"), "people.csv")}
    form["csrf_token"] = form_token(client, "/import")
    import_page = client.post("/import", data=form, content_type="multipart/form-data").location
    import_next.run()
    assert "Keine Spalte für email; es gibt first." in client.get(import_page).text


def test_who_paused_a_campaign_is_said_in_german(app, found):
    assert post(person(app, Role.SALES), f"/campaigns/{found.running}/pause").status_code == 302
    page = person(app, Role.MARKETER).get(f"/campaigns/{found.running}").text
    assert "Es wird nichts gesendet: angehalten von sales@crew.example" in page


def test_a_yes_is_no_word_of_a_programming_language(app, found):
    with transaction() as session:
        session.get(Contact, found.contact).fields = {"member": True}
    page = person(app, Role.MARKETER).get(f"/contacts/{found.contact}").text
    assert "<dd>ja</dd>" in page
    assert "True" not in page


def test_programs_get_english(app):
    with app.test_request_context("/api/decide", headers=GERMAN):
        problem = json.loads(answer(status=404, code="x", message=say("There is no such form."), remedy="").data)
    assert problem["title"] == "There is no such form."
