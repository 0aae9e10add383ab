"""The page of a do-not-contact list, and the form for a new version."""

import io
from datetime import timedelta
from hashlib import sha1

from sqlalchemy import delete, select

from app.list_notices import warn_of_lists
from core import clock
from core.db import transaction
from core.permissions import Role
from delivery.models import MessageValue
from suppression import import_list
from tests.browsing import form_token, post
from tests.suppression.people import approval

NUMBERS = [f"0163296{number:04} \r\n" for number in range(200)]


def upload(client, numbers: list[str], **fields: str):
    form = {
        "list_id": "uk.tps",
        "file": (io.BytesIO("".join(numbers).encode()), "tps.txt"),
        "csrf_token": form_token(client, "/suppression/lists/new"),
    }
    return client.post("/suppression/lists", data=form | fields, content_type="multipart/form-data")


def test_a_list_shows_its_versions_and_compliance_takes_it_out_of_use_with_a_reason(person, found):
    compliance, marketer = person(Role.COMPLIANCE), person(Role.MARKETER)
    assert upload(compliance, NUMBERS).status_code == 302
    unsaid = upload(compliance, NUMBERS[:90])
    assert (unsaid.status_code, "Somebody of compliance writes down why" in unsaid.text) == (403, True)
    shrunk = upload(compliance, NUMBERS[:90], reason="the operator says so")
    assert (shrunk.status_code, 'id="shrunk-error">The file has 90 records' in shrunk.text) == (403, True)
    assert upload(compliance, NUMBERS[:90], reason="the operator says so", shrunk="yes").status_code == 302
    page = compliance.get("/lists/uk.tps").text
    for words in ("the operator says so", "Telephone Preference Service", "regulation 21", "28 days", "90", "110"):
        assert words in page
    assert "Take it out of use" not in marketer.get("/lists/uk.tps").text
    assert marketer.post("/suppression/lists/uk.tps/retire", data={"csrf_token": "x"}).status_code in {400, 403}
    assert post(compliance, "/suppression/lists/uk.tps/retire", how="remove", reason="").status_code == 403
    assert post(compliance, "/suppression/lists/uk.tps/retire", how="expire", reason="damaged").status_code == 302
    assert "too old" in compliance.get("/lists/uk.tps").text
    assert post(compliance, "/suppression/lists/uk.tps/retire", how="remove", reason="damaged").status_code == 302
    assert "taken away" in compliance.get("/lists/uk.tps").text
    assert compliance.get("/lists/xx.nothing").status_code == 404


def test_how_a_table_is_written_is_said_in_the_form(person, found):
    compliance = person(Role.COMPLIANCE)
    table = ["Telefon;Name\n", "+353 1 234 5678;x\n"]
    wrong = upload(compliance, table, list_id="ie.ndd", options="phone")
    assert (wrong.status_code, "NAME=VALUE" in wrong.text) == (422, True)
    assert upload(compliance, table, list_id="ie.ndd", options="phone=Telefon\ndelimiter=;\n").status_code == 302


def test_compliance_is_told_once_before_a_list_is_too_old_and_once_when_it_is(person, found, tmp_path):
    def written(days: int) -> int:
        with transaction() as session:
            return warn_of_lists(session, now=clock.now() + timedelta(days=days))

    file = tmp_path / "list.hash"
    file.write_bytes(sha1(b"somebody@one.example").digest())  # noqa: S324 - their format
    import_list(path=file, list_id="at.ecg.file", actor="test")
    assert [written(days) for days in (0, 25, 25, 31, 31)] == [0, 1, 0, 1, 0]
    with transaction() as session:
        kept = session.scalars(select(MessageValue).order_by(MessageValue.message_id.desc())).first()
        assert kept.values["list"] == "at.ecg.file"
        assert kept.recipient == "compliance@crew.example"
    with transaction() as session:
        session.execute(delete(MessageValue))
    import_list(
        path=file,
        list_id="at.ecg.file",
        actor="test",
        published_at=clock.now() - timedelta(days=26),
        approval=approval(role=Role.ADMIN),
    )
    assert written(0) == 1
