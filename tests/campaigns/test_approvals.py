"""Who approves sees what is different from what was approved last; what was approved can be read for ever."""

import re

import pytest
from sqlalchemy import text

from app.web import create_app
from campaigns import check_campaign, lock
from campaigns.approved import changes
from core.db import transaction
from core.permissions import Role
from tests.browsing import signed_in
from tests.campaigns import planning


def changed():
    with transaction() as session:
        return changes(session, lock(session, "autumn"))


def words(answer):
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


@pytest.fixture
def marta(database, tmp_path):
    actor = planning.somebody(Role.MARKETER, "marta")
    planning.configure(tmp_path)
    planning.with_people("anna", "ben")
    planning.check()
    planning.submitted_by(actor)
    return actor


def again(folder, marta, **values):
    planning.configure(folder, **values)
    planning.check()
    planning.submitted_by(marta)


def test_the_first_of_its_kind_is_compared_with_nothing_and_a_later_one_with_the_first(marta, tmp_path):
    found = changed()
    assert (found.approval, found.other, found.differences) == (None, None, [])
    assert [(one.code, one.before, one.after) for one in found.numbers] == [
        ("send", None, 2),
        ("hold", None, 0),
        ("block", None, 0),
        ("consent", None, 2),
    ]
    _changed(marta, tmp_path)


def _changed(marta, tmp_path):
    """A new subject and another segment are shown with the people that they cost."""
    planning.approved_by(planning.somebody(Role.RELEASER, "rita"))
    assert changed().differences == []
    planning.CONFIGURATION, whole = (
        planning.CONFIGURATION.replace("{all: []}", "{all: [{field: number, is: anna}]}"),
        (planning.CONFIGURATION),
    )
    try:
        again(tmp_path, marta, subject="Leaves fall faster")
    finally:
        planning.CONFIGURATION = whole
    found = changed()
    assert found.other is None
    assert found.parts == ["content", "audience"]
    told = {one.name: [(line.sign, line.text) for line in one.lines] for one in found.differences if one.lines}
    assert told["subject"] == [("-", "Leaves fall"), ("+", "Leaves fall faster")]
    assert ("+", "all:") in told["segment"]
    assert any(sign == "+" and "anna" in line for sign, line in told["segment"])
    assert [(one.code, one.before, one.after) for one in found.numbers if one.code in ("send", "consent")] == [
        ("send", 2, 1),
        ("consent", 2, 1),
    ]


def _copied(tmp_path):
    """A copy is compared with the campaign that it was made from."""
    copied = planning.CONFIGURATION.replace(
        "{code: autumn, name: Autumn, segment", "{code: again, name: Again, segment"
    )
    (tmp_path / "all.yaml").write_text(
        copied.replace("SUBJECT", "Leaves fall").replace("sender: news, author", "sender: news, tracking: none, author")
    )
    from app.apply import apply_folder

    with transaction() as session:
        apply_folder(session, folder=tmp_path, actor="apply")
        check_campaign(session, campaign=lock(session, "again"), actor="test")
        found = changes(session, lock(session, "again"))
    assert found.other.code == "autumn"
    assert [(one.name, one.before, one.after) for one in found.differences] == [("tracking", "individual", "none")]


def test_what_was_approved_is_sealed_and_cannot_be_put_in_its_place_later(marta):
    planning.approved_by(planning.somebody(Role.RELEASER, "rita"))
    stored = planning.rows("SELECT encode(sha256, 'hex'), document FROM approval_document")
    named = planning.rows("SELECT bound ->> 'document' FROM approval ORDER BY id")
    assert [one[0] for one in named] == [stored[0][0]] * 2
    assert stored[0][1]["segments"] == {"everyone": "all: []\n"}
    with pytest.raises(Exception, match="never changed or removed"):
        planning.rows("UPDATE approval_document SET document = '{}' RETURNING 1")
    with transaction() as session:
        session.execute(text("ALTER TABLE approval_document DISABLE TRIGGER USER"))
        session.execute(text("""UPDATE approval_document SET document = document || '{"imprint": "another"}'"""))
        session.execute(text("UPDATE controller SET imprint = 'Shop GmbH, Graz'"))
    (imprint,) = changed().differences
    assert (imprint.name, imprint.lines) == ("sender imprint", ()), "a document that does not fit proves nothing"


def test_a_copy_and_a_change_are_shown_with_signs_and_words(marta, tmp_path):
    rita = planning.somebody(Role.RELEASER, "rita")
    planning.approved_by(rita)
    _copied(tmp_path)
    again(tmp_path, marta, subject="Leaves fall faster <b>")
    app = create_app()
    compliance = signed_in(app, Role.COMPLIANCE)
    listed = words(compliance.get("/approvals/"))
    assert "Compared with what rita@shop.example approved on" in listed
    assert "Subject ( + 1 − 1)" in listed
    assert "Look at it and decide" in listed
    page = compliance.get("/campaigns/autumn")
    assert '<ins class="diff"><span aria-hidden="true">+ </span><span class="visually-hidden">new: </span>' in page.text
    assert "Leaves fall faster &lt;b&gt;</ins>" in page.text
    assert "− gone: Leaves fall" in words(page)
    planning.rows("UPDATE user_account SET locale = 'de' RETURNING 1")
    assert "Verglichen mit dem, was rita@shop.example" in words(compliance.get("/approvals/"))
    assert "Was anders ist als bei der letzten Freigabe" in words(compliance.get("/campaigns/autumn"))
    planning.approved_by(rita)
    assert "Nichts wartet" in words(compliance.get("/approvals/"))
    assert signed_in(app, Role.MARKETER).get("/approvals/").status_code == 403
