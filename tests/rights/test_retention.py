"""Data go when their term is over, not before, and the record says what is held and for how long."""

import json

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.rights import processing_record
from app.rights.kinds import KINDS
from contacts import NewProof, Withdrawn, keep_proofs, withdraw_consent
from contacts.consent_models import Proof
from core import clock, retention
from core.audit import AuditEvent
from core.db import transaction
from core.errors import WrongInput
from core.evidence_anchor_check import verify
from core.permissions import Role
from tests import world
from tests.app.conftest import app, found, person  # noqa: F401 - fixtures
from tests.browsing import post
from tests.rights.test_rights import address_of, crusoe, read_by

_OLDER = (
    "UPDATE consent SET confirmed_at = confirmed_at - interval '{years} y',"
    " withdrawn_at = withdrawn_at - interval '{years} y'"
)


def due() -> dict[str, int]:
    with transaction() as session:
        return {one.kind.code: one.due for one in retention.preview(session) if one.due}


def _age() -> None:
    """Everything of this company is four years and a bit old."""
    with transaction() as session:
        session.execute(text("UPDATE event SET at = at - interval '1500 days'"))
        session.execute(text("UPDATE run SET state = 'done', finished_at = now() - interval '1500 days'"))
        session.execute(text("UPDATE message SET state = 'cancelled', reply_text = 'no' WHERE state = 'ready'"))
        session.execute(
            text(
                "UPDATE handover SET state = 'accepted', answered_at = now() - interval '1500 days', answered_by = 'x'"
            )
        )


def test_what_is_over_its_term_is_counted_removed_and_written_down(database, broker, capsys):
    world.make()
    read_by("ada")
    assert due() == {}
    _age()
    counted = due()
    assert counted["reading"] == 2
    assert counted["traces"] == 2
    assert counted["leads"] == 1
    assert counted["messages"] >= counted["server_answers"] >= 1
    assert due() == counted
    answer = crusoe(capsys, "retention", "run")
    # With the messages their answers go, and with the reading its traces.
    assert {"reading", "messages", "leads"} <= set(answer["removed"]) <= set(counted)
    assert due() == {}
    with transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM event WHERE address_id IS NOT NULL AND kind = 'open'")) == 0
        assert session.scalar(text("SELECT count(*) FROM event WHERE kind = 'open'")) == 1
        assert session.scalar(text("SELECT count(*) FROM message")) == 0
        assert session.scalar(text("SELECT count(*) FROM decision")) > 0
        noted = session.scalar(select(AuditEvent).where(AuditEvent.action == "retention.carry_out"))
        assert noted.details["rows"] == answer["removed"]
        assert verify(session) == []


def test_a_term_that_the_house_chose_holds_and_others_are_refused(database, broker, capsys):
    world.make()
    read_by("ada")
    with transaction() as session:
        session.execute(text("UPDATE event SET at = at - interval '40 days'"))
    assert due() == {"traces": 2}
    crusoe(capsys, "retention", "set", "traces", "60", "--as", "compliance@crew.example")
    crusoe(capsys, "retention", "set", "reading", "20", "--as", "compliance@crew.example")
    assert due() == {"reading": 2}
    for kind, days in (("blocks", "3"), ("nothing", "3"), ("reading", "0"), ("reading", "99999")):
        answer = crusoe(capsys, "retention", "set", kind, days, "--as", "compliance@crew.example")
        assert answer["error"]["code"].startswith("retention_"), kind
    answer = crusoe(capsys, "retention", "set", "reading", "9", "--as", "marketer@crew.example")
    assert answer["error"]["code"] == "not_permitted"
    shown = {row["kind"]: row for row in crusoe(capsys, "retention", "preview")}
    assert (shown["reading"]["days"], shown["blocks"]["removed_by_job"]) == (20, False)


def test_proofs_of_a_withdrawn_consent_go_after_three_years_to_the_end_of_the_year(database, broker):
    world.make()
    address_id = address_of("ada")
    with transaction() as session:
        withdraw_consent(
            session, address_id=address_id, at=clock.now(), evidence=Withdrawn(through="letter", ip="192.0.2.7")
        )
    with transaction() as session:
        assert session.scalar(select(Proof.sha256)) is not None
    assert due() == {}
    with transaction() as session:
        session.execute(text(_OLDER.format(years=3)))
    assert due() == {}
    with transaction() as session:
        session.execute(text(_OLDER.format(years=2)))
    assert due() == {"withdrawn_proofs": 1}
    with pytest.raises(DBAPIError, match="a proof is evidence"), transaction() as session:
        session.execute(text("DELETE FROM proof"))
    with transaction() as session:
        assert retention.carry_out(session) == {"withdrawn_proofs": 1}
        assert session.scalar(select(Proof.sha256)) is None
        assert verify(session) == []
    with transaction() as session:
        keep_proofs(session, [NewProof(content=b"x", subject="s")])
    with pytest.raises(DBAPIError, match="a proof is evidence"), transaction() as session:
        session.execute(text("DELETE FROM proof"))


def test_every_kind_says_what_it_is_and_why():
    assert {"reading", "messages", "blocks", "evidence", "unconfirmed_sign_ups"} <= KINDS.keys()
    assert all(kind.title and kind.why for kind in KINDS.values())
    with pytest.raises(WrongInput):
        retention.choose(None, kind="blocks", days=3, actor="x")


def test_the_record_of_processing_names_what_is_configured(person, found, capsys, tmp_path):  # noqa: F811
    with transaction() as session:
        made = processing_record.record(session)
    purposes = {one["purpose"]: one for one in made["purposes"]}
    assert purposes["newsletter"]["campaigns"] == 2
    assert [basis["people"] for basis in purposes["newsletter"]["bases"]] == [4]
    assert made["number_of_people"] == 6
    assert {one["kind"] for one in made["retention"]} == {kind.title for kind in KINDS.values()}
    page = tmp_path / "record.html"
    told = crusoe(capsys, "retention", "record", "--out", str(page), "--language", "de")
    assert told["people"]
    assert "Verzeichnis von Verarbeitungstätigkeiten" in page.read_text()
    dpo = person(Role.COMPLIANCE)
    assert "newsletter" in dpo.get("/processing-record").text
    assert json.loads(dpo.get("/processing-record?form=json").data)["number_of_people"] == 6
    assert "Opens and clicks of a person" in dpo.get("/retention").text
    assert post(dpo, "/retention", kind="reading", days="100").status_code == 302
    assert 'value="100"' in dpo.get("/retention").text
    assert post(dpo, "/retention", kind="reading", days="soon").status_code == 422
    assert post(person(Role.RELEASER), "/retention", kind="reading", days="9").status_code == 403
