"""Whoever has had somebody's data is named when they are put right, restricted or erased (Art. 19 GDPR)."""

import json

import pytest
from sqlalchemy import select, text

from app.rights import erasure
from contacts.models import Contact
from core import clock
from core.db import transaction
from lead_handover.models import Handover, LeadState, Outbox, WebhookTarget
from tests.campaigns.test_channel_exports import approved, call, company, planned  # noqa: F401 - fixtures
from tests.rights.test_rights import crusoe


@pytest.fixture
def told(company, tmp_path):  # noqa: F811 - a fixture
    """Anna was called, and a system of sales heard of her; another one was never reached."""
    assert call("export", "calls", "autumn", "--out", str(tmp_path / "calls.csv"), "--as", "carl@shop.example")[0] == 0
    with transaction() as session:
        anna = session.scalars(select(Contact.id).where(Contact.number == "anna")).one()
        lead = Handover(
            contact_id=anna, state=LeadState.OPEN, points=9, lines=[], created_at=clock.now(), due_at=clock.now()
        )
        session.add_all([lead, WebhookTarget(name="crm", url="https://key:secret@crm.example/hook")])
        session.flush()
        for name, attempts in (("crm", 1), ("never", 0)):
            body = {"handover_id": lead.id, "what": "handed_over"}
            now = clock.now()
            session.add(
                Outbox(key=name, kind="webhook", target=name, body=body, created_at=now, next_at=now, attempts=attempts)
            )
    return "anna@mail.example"


def test_who_has_had_the_data_is_named_in_every_receipt(told, tmp_path, capsys):
    dpo = "carl@shop.example"
    with transaction() as session:
        file = session.scalars(text("SELECT code FROM channel_export")).one()
    expected = [("crm (crm.example)", "leads", None), (file, "phone", dpo)]
    for command in (("rectify", "--set", "last_name=Byron"), ("restrict", "--reason", "disputes"), ("erase",)):
        verb, *options = command
        out = ("--out", str(tmp_path / "receipt.html")) if verb == "erase" else ()
        answer = crusoe(capsys, "person", verb, told, "--as", dpo, *options, *out)
        assert sorted((one["to"], one["what"], one["by"]) for one in answer["to_tell"]) == sorted(expected), verb
    page = (tmp_path / "receipt.html").read_text()
    for words in ("must be told (Art. 19 GDPR)", "crm (crm.example)", file):
        assert words in page
    assert "secret" not in page + json.dumps(answer)
    german = erasure.receipt_page(answer, locale="de").decode()
    assert "müssen verständigt werden" in german


def test_who_is_in_no_file_has_nobody_to_be_told(told, capsys):
    """Ben was not cleared for calls, so the file does not have him."""
    answer = crusoe(capsys, "person", "restrict", "ben@mail.example", "--as", "carl@shop.example", "--reason", "x")
    assert answer["to_tell"] == []
