"""What a person may ask: to see everything, to be forgotten but for what the law needs, and to be left alone."""

import json
from contextlib import suppress

from sqlalchemy import select, text

import segments
from app.cli import main
from contacts import choose, email_address, ensure_addresses
from contacts.consent_models import Consent
from contacts.models import Contact, Endpoint, RecipientChoice
from core import clock
from core.audit import AuditEvent
from core.db import transaction
from core.evidence_anchor_check import verify
from core.permissions import Role
from delivery.models import Message
from lead_handover import ScoreRules
from lead_handover.models import Handover, Score, ScoreDirty, ScoreModel
from lead_handover.rescoring import in_force, rescore, take_dirty
from suppression import Cause, Question, assess
from suppression.models import SuppressionEntry
from tests import world
from tests.app.conftest import app, found, person  # noqa: F401 - fixtures
from tests.browsing import post
from tracking import EventKind, Purpose, make_message_token
from tracking.models import Event, Verdict

DPO = "compliance@crew.example"


def crusoe(capsys, *arguments: str) -> dict:
    """The answer of a command, whether it works or complains."""
    capsys.readouterr()
    with suppress(SystemExit):
        main([*arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def address_of(name: str) -> int:
    with transaction() as session:
        email = email_address(f"{name}@mail.example")
        return ensure_addresses(session, [email])[email.key]


def read_by(name: str) -> None:
    """Somebody reads a mail, as a person does."""
    address_id = address_of(name)
    with transaction() as session:
        message = session.scalar(select(Message).where(Message.address_id == address_id))
        common = {"run_id": message.run_id, "message_id": message.id, "address_id": address_id, "at": clock.now()}
        for kind in (EventKind.OPEN, EventKind.CLICK):
            session.add(Event(**common, kind=kind, ip="192.0.2.1", user_agent="x", verdict=Verdict.HUMAN))
        choose(session, address_id, tracking="individual")


def verdict(name: str) -> tuple[str, list[str]]:
    with transaction() as session:
        who = select(
            Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id.label("address_id")
        ).where(Endpoint.value == f"{name}@mail.example")
        found = assess(session, audience=who, question=Question(channel="email", purpose="newsletter", controller_id=1))
        row = session.execute(select(found.rows)).one()
        return str(row.verdict), list(row.reasons)


def test_an_export_has_everything_sent_refused_scored_and_why(database, broker, capsys, tmp_path):
    world.make()
    read_by("ada")
    ada = crusoe(capsys, "person", "export", "Ada@Mail.example", "--as", DPO)
    assert ada["person"]["first_name"] == "Ada"
    assert ada["person"]["addresses"] == [{"channel": "email", "address": "ada@mail.example"}]
    assert [one["number"] for one in ada["orders"]] == ["o-1"]
    assert ada["consents"][0]["purpose"] == "newsletter"
    (message,) = ada["messages"]
    assert (message["campaign"], message["decisions"][0]["verdict"]) == ("summer", "send")
    assert ada["contents"][message["content_sha256"]]["subject"] == "New boots"
    assert [one["code"] for one in ada["segments"]] == ["everyone"]
    assert ada["score"]["lines"][0]["words"] == "clicked a link 2 days ago"
    assert ada["leads"][0]["points"] == 12.5
    assert {one["kind"] for one in ada["events"]} == {"open", "click"}
    assert ada["recipients"][0]["what"] == "e-mail"
    bob = crusoe(capsys, "person", "export", "bob@mail.example", "--as", DPO)
    assert bob["messages"][0]["decisions"][0]["reasons"] == ["opted_out"]
    assert bob["objections"][0]["cause"] == "opted_out"
    taken = crusoe(capsys, "person", "export", "ada@mail.example", "--as", DPO, "--portable")
    assert "score" not in taken
    assert taken["person"] == ada["person"]
    crusoe(capsys, "person", "export", "ada@mail.example", "--as", DPO, "--out", str(tmp_path / "ada"))
    for locale, words in (("en", "What is held about"), ("de", "Gespeichert zu")):
        page = (tmp_path / "ada" / f"person.{locale}.html").read_text()
        assert words in page
        assert "New boots" in page
        assert "clicked a link 2 days ago" in page
    with transaction() as session:
        noted = session.scalars(select(AuditEvent).where(AuditEvent.action == "person.export")).all()
        assert len(noted) == 4
        assert "mail.example" not in json.dumps([one.details for one in noted])


def test_who_has_no_right_to_it_gets_nothing(database, broker, capsys):
    world.make()
    for role in (Role.MARKETER, Role.SALES, Role.RELEASER):
        for verb, more in (("export", []), ("erase", []), ("restrict", ["--reason", "x"]), ("object", [])):
            answer = crusoe(capsys, "person", verb, "ada@mail.example", "--as", f"{role}@crew.example", *more)
            assert answer["error"]["code"] == "not_permitted", (role, verb)
    unknown = crusoe(capsys, "person", "erase", "nobody@mail.example", "--as", DPO)
    assert unknown["error"]["code"] == "address_unknown"


def test_erasing_leaves_a_block_a_proof_and_nothing_that_names_the_person(database, broker, capsys, tmp_path):
    world.make()
    read_by("ada")
    address_id = address_of("ada")
    with transaction() as session:
        session.execute(
            text("UPDATE message SET reply_text = '250 ada@mail.example ok' WHERE address_id = :a"), {"a": address_id}
        )
    receipt = crusoe(
        capsys,
        "person",
        "erase",
        "ada@mail.example",
        "--as",
        DPO,
        "--reason",
        "letter",
        "--out",
        str(tmp_path / "r.html"),
    )
    removed = receipt["removed"]
    assert (removed["contacts"], removed["addresses"], removed["orders"]) == (1, 1, 1)
    assert (removed["opens_and_clicks_parted"], removed["leads_blanked"], removed["blocks_added"]) == (2, 1, 1)
    assert {one["what"]: one["count"] for one in receipt["kept"]}["messages"] == 1
    assert all(one["why"] for one in receipt["kept"])
    assert receipt["sha256"] in (tmp_path / "r.html").read_text()
    assert "mail.example" not in json.dumps(receipt)
    with transaction() as session:
        assert _found_anywhere(session, "ada@mail.example") == []
        assert _found_anywhere(session, "Ada") == []
        assert session.scalar(select(Event.id).where(Event.address_id == address_id)) is None
        assert session.scalar(select(Score.contact_id)) is None
        assert session.scalars(select(Handover.lines)).all() == [[]]
        assert session.scalar(select(Consent.withdrawn_at).where(Consent.address_id == address_id)) is not None
        assert verify(session) == []
    # An old file brings the address back: the block is still there.
    with transaction() as session:
        session.add(Contact(id=None, number="again", country="DE"))
        session.flush()
        contact = session.scalar(select(Contact.id).where(Contact.number == "again"))
        session.add(Endpoint(contact_id=contact, channel="email", address_id=address_id, value="ada@mail.example"))
    assert verdict("ada") == ("block", ["opted_out", "no_basis"])
    again = crusoe(capsys, "person", "export", "ada@mail.example", "--as", DPO)
    assert again["messages"][0]["status"]


def _found_anywhere(session, words: str) -> list[str]:
    """The columns of text and documents in the whole database in which these words stand."""
    columns = session.execute(
        text(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND data_type IN ('text', 'character varying', 'jsonb', 'ARRAY')"
        )
    ).all()
    # People who work here, and words of the house about nobody, are no data of this person.
    return [
        f"{table}.{column}"
        for table, column in columns
        if session.scalar(
            text(f'SELECT EXISTS (SELECT 1 FROM "{table}" WHERE "{column}"::text LIKE :words)'), {"words": f"%{words}%"}
        )
    ]


def test_a_restricted_person_gets_nothing_is_in_no_segment_and_is_seen_by_compliance_only(person, found, capsys):  # noqa: F811
    sales, marketer, dpo = person(Role.SALES), person(Role.MARKETER), person(Role.COMPLIANCE)
    assert "Ada" in sales.get("/contacts/").text
    assert sales.get("/leads/").text.count("Ada") > 0
    answer = crusoe(capsys, "person", "restrict", "ada@mail.example", "--as", DPO, "--reason", "disputes the data")
    assert answer["newly_restricted"] == 1
    assert verdict("ada")[0] == "block"
    assert "restricted" in verdict("ada")[1]
    definition = segments.parse({"all": [{"field": "number", "is": "ada"}]})
    with transaction() as session:
        assert session.scalars(segments.members(session, "everyone")).all().count(found.contact) == 0
        assert segments.count(session, definition).members == 0
    for client in (sales, marketer):
        assert client.get(f"/contacts/{found.contact}").status_code == 403
        assert "Ada" not in client.get("/contacts/").text
        assert "Ada" not in client.get("/leads/").text
    assert "Ada" in dpo.get("/contacts/").text
    assert dpo.get(f"/contacts/{found.contact}").status_code == 200
    with transaction() as session:
        entry = session.scalar(select(SuppressionEntry.id).where(SuppressionEntry.cause == Cause.RESTRICTED))
        session.execute(
            text(
                "INSERT INTO suppression_lift (entry_id, asked_by, agreed_by, reason) VALUES (:e, 'a', 'b', 'settled')"
            ),
            {"e": entry},
        )
    assert "Ada" in sales.get("/contacts/").text
    with transaction() as session:
        assert segments.count(session, definition).members == 1


def test_who_objects_to_profiling_is_scored_no_more_and_chosen_by_no_click(database, broker, capsys):
    world.make()
    read_by("ada")
    read_by("cleo")
    clicked = segments.parse({"clicked": {"within_days": 30}})
    with transaction() as session:
        assert segments.count(session, clicked).members == 2
    crusoe(capsys, "person", "object", "ada@mail.example", "--as", DPO, "--reason", "mail of today")
    with transaction() as session:
        assert session.scalar(select(Score.contact_id)) is None
        assert segments.count(session, clicked).members == 1
        assert (
            session.scalar(select(RecipientChoice.profiling).where(RecipientChoice.address_id == address_of("ada")))
            is False
        )
        marked = set(session.scalars(select(ScoreDirty.address_id)))
        assert address_of("ada") in marked


def test_scoring_passes_over_who_objected_and_takes_up_who_allows_it_again(database, broker, capsys):
    company = world.make()
    read_by("ada")
    with transaction() as session:
        rules = ScoreRules.model_validate(_score_rules())
        session.add(ScoreModel(rules=rules.model_dump(mode="json"), activated_by="x"))
    crusoe(capsys, "person", "object", "ada@mail.example", "--as", DPO)
    assert _rescored(company.contact) is None
    crusoe(capsys, "person", "object", "ada@mail.example", "--as", DPO, "--withdraw")
    assert _rescored(company.contact) > 0


def _rescored(contact: int) -> float | None:
    with transaction() as session:
        due, _ = take_dirty(session)
        rescore(session, due, current=in_force(session), now=clock.now())
        return session.scalar(select(Score.points).where(Score.contact_id == contact))


def _score_rules() -> dict:
    return {"threshold": 50, "events": [{"name": "clicks", "kind": "click", "points": 10}]}


def test_data_are_put_right_and_the_log_does_not_say_what_stood_there(database, broker, capsys):
    world.make()
    done = crusoe(
        capsys, "person", "rectify", "ada@mail.example", "--as", DPO, "--set", "last_name=Byron", "--set", "country=GB"
    )
    assert done == {"rectified": ["country", "last_name"], "to_tell": []}
    with transaction() as session:
        contact = session.scalar(select(Contact).where(Contact.number == "ada"))
        assert (contact.last_name, contact.country) == ("Byron", "GB")
        noted = session.scalar(select(AuditEvent).where(AuditEvent.action == "contact.rectify"))
        assert noted.details == {"fields": ["country", "last_name"]}
    for change, code in (("shoe=9", "field_unknown"), ("country=gb", "country_invalid"), ("last_name", "not_a_change")):
        answer = crusoe(capsys, "person", "rectify", "ada@mail.example", "--as", DPO, "--set", change)
        assert answer["error"]["code"] == code


def test_compliance_serves_every_right_on_the_page_of_the_person(person, found):  # noqa: F811
    dpo, marketer = person(Role.COMPLIANCE), person(Role.MARKETER)
    where = f"/contacts/{found.contact}"
    page = dpo.get(where).text
    assert "Rights of the person" in page
    assert "Rights of the person" not in marketer.get(where).text
    for verb in ("export", "evidence", "restrict", "profiling", "rectify", "erase"):
        assert post(marketer, f"{where}/{verb}", reason="x").status_code == 403, verb
    assert json.loads(post(dpo, f"{where}/export", form="json").data)["person"]["first_name"] == "Ada"
    assert "score" not in json.loads(post(dpo, f"{where}/export", form="portable").data)
    assert "What is held about" in post(dpo, f"{where}/export", form="html").text
    assert post(dpo, f"{where}/evidence").data.startswith(b"PK")
    assert post(dpo, f"{where}/profiling", objects="yes").status_code == 302
    assert "objected to" in dpo.get(where).text
    assert post(dpo, f"{where}/rectify", last_name="Byron", country="GB").status_code == 302
    assert "Byron" in dpo.get(where).text
    assert post(dpo, f"{where}/restrict", reason="disputes").status_code == 302
    assert "restricted (Art. 18 GDPR)" in dpo.get(where).text
    answer = post(dpo, f"{where}/erase", reason="letter")
    assert "Receipt of an erasure" in dpo.get(answer.headers["Location"]).text
    assert dpo.get(where).status_code == 404


def test_the_recipient_objects_to_profiling_and_takes_everything_along(person, found, app):  # noqa: F811
    read_by("ada")
    tokens = _tokens("ada")
    client = app.test_client()
    held = client.get(f"/p/{tokens[Purpose.PREFERENCES]}/data").text
    for words in ("Score", "clicked a link 2 days ago", "Given to sales", "send"):
        assert words in held
    taken = client.get(f"/p/{tokens[Purpose.PREFERENCES]}/data.json").json
    assert taken["score"]["points"] == 12.5
    assert taken["messages"][0]["verdict"] == "send"
    answer = client.post(f"/p/{tokens[Purpose.PREFERENCES]}", data={"tracking": "individual", "profiling": "no"})
    assert answer.status_code == 303
    assert 'value="no" checked' in client.get(answer.headers["Location"]).text
    taken = client.get(f"/p/{tokens[Purpose.PREFERENCES]}/data.json").json
    assert (taken["score"], taken["choices"]["profiling"]) == ({}, False)
    client.post(f"/p/{tokens[Purpose.PREFERENCES]}", data={"tracking": "individual"})
    assert client.get(f"/p/{tokens[Purpose.PREFERENCES]}/data.json").json["choices"]["profiling"] is True


def _tokens(name: str) -> dict[Purpose, str]:
    address_id = address_of(name)
    with transaction() as session:
        message = session.scalar(select(Message).where(Message.address_id == address_id))
        ids = {"run_id": message.run_id, "message_id": message.id, "address_id": address_id}
    return {purpose: make_message_token(purpose, **ids, sent_at=int(clock.now().timestamp())) for purpose in Purpose}
