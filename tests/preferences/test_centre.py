"""The preference page: no log-in, one person's link for one person."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from contacts import choice
from contacts.models import RecipientChoice, TrackingLevel
from core.db import transaction
from delivery.models import Message
from suppression.models import SuppressionEntry
from tests.preferences import scene
from tracking import Purpose


def _choices() -> list[RecipientChoice]:
    with transaction() as session:
        return list(session.scalars(select(RecipientChoice)))


def test_choices_are_stored_for_the_person_of_the_link(client):
    scene.form(topics=("garden", "travel"))
    token = scene.mail_to()[Purpose.PREFERENCES]
    fields = {"language": "de", "tracking": "individual", "most_per_month": "2", "pause": "3", "topics": ["garden"]}
    answer = client.post(f"/p/{token}", data=fields)
    assert answer.status_code == 303
    page = client.get(answer.headers["Location"])
    assert 'value="garden" checked' in page.get_data(as_text=True)
    assert 'value="travel" checked' not in page.get_data(as_text=True)
    with transaction() as session:
        chosen = choice(session, session.scalar(select(RecipientChoice.address_id)))
    assert (chosen.language, chosen.tracking, chosen.most_per_month) == ("de", TrackingLevel.INDIVIDUAL, 2)
    assert chosen.topics_off == ("travel",)
    assert chosen.paused_until is not None
    client.post(f"/p/{token}", data={"tracking": "none", "pause": "keep"})
    assert _choices()[0].paused_until == chosen.paused_until
    client.post(f"/p/{token}", data={"tracking": "none", "pause": "0"})
    assert _choices()[0].paused_until is None


@pytest.mark.parametrize(
    "fields",
    [
        {"contact_id": "2"},
        {"address_id": "2"},
        {"tracking": "all"},
        {"language": "xx"},
        {"most_per_month": "99999"},
        {"pause": "1200"},
        {"role": "admin"},
    ],
)
def test_what_the_form_does_not_have_is_refused(client, fields):
    token = scene.mail_to()[Purpose.PREFERENCES]
    assert client.post(f"/p/{token}", data={"tracking": "none"} | fields).status_code == 422
    assert _choices() == []


@pytest.mark.parametrize("path", ["", "/data", "/data.json"])
def test_a_token_for_another_page_opens_nothing(client, path):
    tokens = scene.mail_to()
    right = tokens[Purpose.PREFERENCES]
    wrong = [tokens[Purpose.UNSUBSCRIBE], tokens[Purpose.WHY], right[:-1] + ("A" if right[-1] != "A" else "B"), "1"]
    for token in wrong:
        assert client.get(f"/p/{token}{path}").status_code == 404
        assert client.post(f"/p/{token}", data={"tracking": "none"}).status_code == 404
        assert client.post(f"/p/{token}/stop", data={"stop": "everything"}).status_code == 404
        assert client.post(f"/p/{token}/link").status_code == 404
    assert client.get(f"/p/{right}{path}").status_code == 200


def test_looking_changes_nothing(client):
    tokens = scene.mail_to()
    for path in (f"/p/{tokens[Purpose.PREFERENCES]}", f"/w/{tokens[Purpose.WHY]}"):
        assert client.get(path).status_code == 200
    assert client.get(f"/p/{tokens[Purpose.PREFERENCES]}/stop").status_code == 405
    assert _choices() == []


def test_pages_are_private_and_need_neither_script_nor_cookie(client):
    tokens = scene.mail_to()
    scene.form()
    for path in (f"/p/{tokens[Purpose.PREFERENCES]}", f"/u/{tokens[Purpose.UNSUBSCRIBE]}", f"/w/{tokens[Purpose.WHY]}",
                 f"/p/{tokens[Purpose.PREFERENCES]}/data", "/s/news"):  # fmt: skip
        page = client.get(path)
        html = page.get_data(as_text=True)
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in page.headers
        assert "<script" not in html
        assert " style=" not in html
        assert "ann@mail.example" not in html
    assert client.get("/r/recipient.css").mimetype == "text/css"


def test_the_page_speaks_the_language_of_the_person(client):
    token = scene.mail_to()[Purpose.PREFERENCES]
    assert '<html lang="de">' in client.get(f"/p/{token}", headers={"Accept-Language": "de-AT"}).get_data(as_text=True)
    assert '<html lang="en">' in client.get(f"/p/{token}?lang=en").get_data(as_text=True)
    client.post(f"/p/{token}", data={"language": "de", "tracking": "none"})
    assert '<html lang="de">' in client.get(f"/p/{token}", headers={"Accept-Language": "en"}).get_data(as_text=True)


def test_objecting_to_everything_stops_all_channels(client):
    token = scene.mail_to()[Purpose.PREFERENCES]
    answer = client.post(f"/p/{token}/stop", data={"stop": "everything"})
    assert "no more advertising" in scene.words(client.get(answer.headers["Location"]))
    with transaction() as session:
        entry = session.scalars(select(SuppressionEntry)).one()
    assert (entry.channel, entry.purpose) == (None, None)


def test_a_person_can_see_and_take_what_is_held(client):
    token = scene.mail_to()[Purpose.PREFERENCES]
    assert "Ann" in scene.words(client.get(f"/p/{token}/data"))
    document = json.loads(client.get(f"/p/{token}/data.json").get_data())
    assert document["address"] == "ann@mail.example"
    assert document["person"]["first_name"] == "Ann"
    assert document["consents"][0]["confirmed_at"]
    assert document["messages"][0]["name"] == "spring"


def test_an_old_link_decides_but_shows_no_data_until_a_fresh_one_is_mailed(client):
    token = scene.mail_to(age=timedelta(days=31))[Purpose.PREFERENCES]
    for path in ("/data", "/data.json"):
        answer = client.get(f"/p/{token}{path}")
        assert answer.status_code == 303
        assert "Ann" not in answer.get_data(as_text=True)
    assert client.post(f"/p/{token}", data={"tracking": "none"}).status_code == 303
    for _ in range(3):
        assert client.post(f"/p/{token}/link").status_code == 303
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 2


def test_the_reason_of_a_mail_names_who_is_responsible_and_how_to_stop(client):
    tokens = scene.mail_to()
    page = client.get(f"/w/{tokens[Purpose.WHY]}").get_data(as_text=True)
    assert "Shop GmbH, Wien" in page
    assert f"/u/{tokens[Purpose.UNSUBSCRIBE]}" in page
