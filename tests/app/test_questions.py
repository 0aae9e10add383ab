"""Whoever answers for data protection gets each answer in one step, and what was asked about people is written down."""

import csv
import io
import json
import re

from click.testing import CliRunner
from sqlalchemy import text

from app.cli import crusoe
from app.evidence.campaign_bundle import write_campaign
from core.db import transaction
from core.permissions import Role
from tests.browsing import post


def words(answer, status=200):
    assert answer.status_code == status, re.findall("<title>(.*?)<", answer.text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def call(*arguments):
    result = CliRunner().invoke(crusoe, [*arguments, "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def rows(sql, **values):
    with transaction() as session:
        return [tuple(row) for row in session.execute(text(sql), values)]


def send(name):
    """As if the message of this person had gone out, without a mail server."""
    with transaction() as session:
        session.execute(text("ALTER TABLE message DISABLE TRIGGER USER"))
        session.execute(
            text(
                "UPDATE message SET state = 'sent', handed_over_at = now(),"
                " decision_id = (SELECT max(id) FROM decision WHERE message_id = message.id)"
                " WHERE contact_id = (SELECT id FROM contact WHERE number = :name)"
            ),
            {"name": name},
        )
        session.execute(text("ALTER TABLE message ENABLE TRIGGER USER"))


def _why(compliance):
    ada = words(post(compliance, "/questions/why", what="Ada@mail.example", campaign="summer"))
    came, kept = ada.split("What did not go out, and why")
    assert "summer send sent" in came
    assert "How given double opt-in" in came
    assert "Approved by releaser@crew.example" in came
    assert "Nothing." in kept
    bob = words(post(compliance, "/questions/why-not", what="bob@mail.example", campaign="summer"))
    assert bob.index("What did not go out, and why") < bob.index("opted out") < bob.index("What went out")
    asked = rows("SELECT actor, object_id, details ->> 'question' FROM audit_event WHERE action = 'question.ask'")
    ids = dict(
        rows("SELECT c.number, CAST(e.address_id AS text) FROM contact AS c JOIN endpoint AS e ON e.contact_id = c.id")
    )
    assert asked == [("compliance@crew.example", ids["ada"], "why"), ("compliance@crew.example", ids["bob"], "why-not")]
    assert "mail.example" not in str(rows("SELECT details, object_id, reason FROM audit_event"))


def _absent(compliance):
    rows("UPDATE contact SET created_at = now() + interval '1 day' WHERE number = 'ada' RETURNING 1")

    page = words(post(compliance, "/questions/why-not", what="ada@mail.example", campaign="autumn"))
    assert "Campaign autumn was not launched yet" in page
    assert "The person is in the segment now." in page
    code, (answer,) = call("why", "ada@mail.example", "--campaign", "autumn")
    assert (code, answer["verdict"], answer["status"]) == (0, None, "not_planned")
    assert answer["conditions"][0]["holds"] is True
    page = words(post(compliance, "/questions/why", what="ada@mail.example", campaign="winter"), 404)
    assert "There is no campaign winter." in page


def _stranger(compliance):
    before = rows("SELECT count(*) FROM address")
    page = words(post(compliance, "/questions/stranger", what="stranger@nowhere.example"))
    assert "Nothing is stored about this address" in page
    assert "block Shop no basis" in page
    assert rows("SELECT count(*) FROM address") == before
    assert "nowhere.example" not in str(rows("SELECT details, object_id FROM audit_event"))
    assert "No address of this installation has this hash" in words(
        post(compliance, "/questions/stranger", what="0" * 64)
    )
    (digest,) = rows("SELECT encode(key, 'hex') FROM address WHERE id IN (SELECT address_id FROM endpoint) LIMIT 1")[0]
    assert "@mail.example Everything about this person" in words(post(compliance, "/questions/stranger", what=digest))
    assert "The address has no @" in words(post(compliance, "/questions/why", what="nonsense"), 422)


def test_what_is_asked_about_people_is_answered_to_those_who_may_ask_and_written_down(person, found):
    send("ada")
    compliance = person(Role.COMPLIANCE)
    _why(compliance)
    _stranger(compliance)
    _absent(compliance)
    marketer = person(Role.MARKETER)
    for path in ("/questions", "/questions/why", "/questions/exports", "/questions/released-holds", "/incidents"):
        assert marketer.get(path).status_code == 403, path
    assert post(marketer, "/questions/why", what="ada@mail.example").status_code == 403
    assert "/questions" not in marketer.get("/").text
    assert 'href="/questions"' in person(Role.RELEASER).get("/").text


def _blocks(compliance, admin):
    post(compliance, "/suppression/block", what="@rival.example", kind="competitor", reason="they copy us")
    post(compliance, "/suppression/block", what="cleo@mail.example", kind="opted_out", reason="she called")
    post(compliance, "/suppression/entries/2/lift", reason="they stopped")
    post(admin, "/suppression/lifts/1/agree")
    code, changes = call("block", "changes")
    assert code == 0
    assert [(one["by"].partition("@")[0], one["action"], one["what"], one["reason"]) for one in reversed(changes)] == [
        ("compliance", "suppression.block", "@rival.example", "they copy us"),
        ("compliance", "suppression.note_objection", "cleo@mail.example", "she called"),
        ("compliance", "suppression.ask_lift", "@rival.example", "they stopped"),
        ("admin", "suppression.lift", "@rival.example", "they stopped"),
    ]
    assert [one["asked_by"] for one in changes][:2] == ["compliance@crew.example", None]
    page = words(compliance.get("/suppression/blocks/changes?action=suppression.lift"))
    assert "asked for by compliance@crew.example agreed to lift @rival.example Entry 2 they stopped" in page
    assert "she called" not in page
    assert [one["action"] for one in call("block", "changes", "--by", "admin@crew.example")[1]] == ["suppression.lift"]


def _log(admin):
    everything = words(admin.get("/audit?object_type=campaign"))
    assert "campaign.submitted" in everything
    assert "user.sign_in" not in everything
    campaign = rows("SELECT id FROM campaign WHERE code = 'autumn'")[0][0]
    page = words(admin.get(f"/audit?object_type=campaign&object_id={campaign}"))
    assert "autumn" in page
    assert "summer" not in page
    assert "Nothing fits" in words(admin.get("/audit?to=2020-01-01"))
    assert "user.sign_in" in words(admin.get("/audit?from=2020-01-01&to=2999-01-01"))
    assert "is no day" in words(admin.get("/audit?from=yesterday"), 422)
    code, log = call("audit", "log", "--action", "campaign.*", "--object", "campaign:autumn")
    assert (code, {one["campaign"] for one in log}) == (0, {"autumn"})
    assert {one["action"] for one in log} == {"campaign.create", "campaign.checked", "campaign.submitted"}
    assert call("audit", "log", "--by", "admin@crew.example", "--from", "2020-01-01")[1][0]["action"] == "user.sign_in"
    assert call("audit", "log", "--from", "soon")[0] == 1


def test_every_file_that_left_stands_in_one_report_with_its_number_of_rows(person, found, tmp_path):
    compliance = person(Role.COMPLIANCE)
    post(compliance, "/contacts/export")
    post(compliance, "/suppression/export")
    post(compliance, "/suppression/lists/export")
    post(compliance, f"/contacts/{found.contact}/export", form="json")
    post(person(Role.ADMIN), "/leads/export")
    write_campaign(tmp_path / "by-number", campaign="summer", actor="carl@crew.example")
    write_campaign(tmp_path / "by-name", campaign="summer", actor="carl@crew.example", with_addresses=True)
    code, report = call("audit", "exports")
    assert code == 0
    assert [(one["action"], one["rows"], one["people"]) for one in reversed(report)] == [
        ("contacts.export", 6, True),
        ("suppression.export", 1, True),
        ("lists.export", report[2]["rows"], False),
        ("person.export", 1, True),
        ("leads.export", 1, True),
        ("evidence.export", 6, False),
        ("evidence.export", 6, True),
    ]
    assert [one["what"] for one in report[:2]] == ["summer", "summer"]
    page = words(compliance.get("/questions/exports?people=yes"))
    assert "compliance@crew.example 3 8" in page
    assert "lists.export" not in page
    assert [one["who"] for one in call("audit", "exports", "--by", "admin@crew.example")[1]] == ["admin@crew.example"]
    assert call("audit", "exports", "--to", "2020-01-01") == (0, [])
    taken = post(compliance, "/questions/exports/export?people=yes").data.decode("utf-8-sig")
    assert [row["rows"] for row in csv.DictReader(io.StringIO(taken))] == ["6", "1", "1", "1", "6"]


def _waiting(person, compliance, admin):
    """The dashboard names what waits for a second person, and not to the first."""
    assert "Waits for a second person" not in words(compliance.get("/"))
    post(compliance, "/suppression/block", what="@another.example", kind="competitor", reason="they copy us")
    post(compliance, "/suppression/entries/4/lift", reason="they stopped")
    post(compliance, "/rules/new", text="stale_after_months: 12", note="sooner")
    assert "Waits for a second person" not in words(compliance.get("/"))
    assert "1 request to lift a block" in words(admin.get("/"))
    assert "Version 2 of the rules, with what it would change" in words(admin.get("/"))
    assert "Waits for a second person" not in words(person(Role.MARKETER).get("/"))
    assert "Version 2 of the rules" in words(person(Role.RELEASER).get("/"))


def test_who_changed_the_block_list_and_who_did_what_is_told_with_the_reason(person, found):
    compliance, admin = person(Role.COMPLIANCE), person(Role.ADMIN)
    _log(admin)
    _blocks(compliance, admin)
    _waiting(person, compliance, admin)


def _released(person):
    with transaction() as session:
        session.execute(text("ALTER TABLE message DISABLE TRIGGER USER"))
        session.execute(
            text(
                "WITH one AS (SELECT id, address_id FROM message ORDER BY id LIMIT 1), decided AS ("
                " INSERT INTO decision (batch_id, message_id, address_id, verdict, reasons, basis)"
                " SELECT 1, id, address_id, 'send', '{consent_stale:released,consent}', 'consent' FROM one RETURNING *)"
                " UPDATE message AS m SET state = 'sent', decision_id = d.id FROM decided AS d"
                " WHERE m.id = d.message_id"
            )
        )
        session.execute(text("ALTER TABLE message ENABLE TRIGGER USER"))
        from core import audit

        campaign = session.scalar(text("SELECT id FROM campaign WHERE code = 'summer'"))
        audit.record(
            session, actor="carl@crew.example", action="campaign.release_holds", object_type="campaign",
            object_id=campaign, reason="they asked for it", code="consent_stale", messages=3,
        )  # fmt: skip
    code, (one,) = call("hold", "list", "--released")
    assert (code, one["by"], one["campaign"], one["code"]) == (0, "carl@crew.example", "summer", "consent_stale")
    assert (one["reason"], one["messages"], one["went_out"]) == ("they asked for it", 3, 1)
    assert call("hold", "list", "--released", "--campaign", "autumn") == (0, [])
    page = words(person(Role.RELEASER).get("/questions/released-holds"))
    assert "they asked for it 3 1" in page


def _incident(person, found):
    send("ada")
    rules, version = rows("SELECT max(rules_version), 1 FROM decision_context")[0]
    compliance = person(Role.COMPLIANCE)
    assert "Show what went out" in words(compliance.get("/incidents"))
    for asked in (f"rules={rules}", "template=boots", f"template=boots:{version}", "from=2020-01-01"):
        page = words(compliance.get(f"/incidents?{asked}"))
        assert "summer E-mail 1 1" in page, asked
        assert "summer is still being sent: pause or cancel it" in page
        assert "72 hours" in page
    for asked in ("template=boots:2", "template=shoes", f"rules={rules}&to=2020-01-01", "text=v9", "list_version=7"):
        assert "Nothing went out under it" in words(compliance.get(f"/incidents?{asked}")), asked
    assert "A version is a number" in words(compliance.get("/incidents?list_version=x"), 422)
    answer = post(compliance, "/incidents/export?template=boots")
    (row,) = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert (row["campaign"], row["contact_id"]) == ("summer", str(found.contact))
    assert rows("SELECT action, details ->> 'rows' FROM audit_event WHERE action LIKE 'incident%'") == [
        ("incident.export", "1")
    ]
    assert post(person(Role.RELEASER), "/incidents/export?template=boots").status_code == 403
    code, (one,) = call("evidence", "incident", "--template", "boots:1", "--from", "2020-01-01")
    assert (code, one["campaign"], one["channel"], one["messages"]) == (0, "summer", "email", 1)


def test_what_went_out_under_something_wrong_or_by_a_release_is_counted_in_both_languages(person, found):
    _incident(person, found)
    _released(person)
    compliance = person(Role.COMPLIANCE)
    rows("UPDATE user_account SET locale = 'de' RETURNING 1")
    for path in (
        "/questions",
        "/questions/why",
        "/questions/exports",
        "/incidents?rules=1",
        "/suppression/blocks/changes",
    ):
        assert "Fragen" in words(compliance.get(path)), path
    assert "Was nicht hinausging" in words(post(compliance, "/questions/why-not", what="ada@mail.example"))
