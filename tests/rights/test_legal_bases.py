"""The register says on which ground people were really written to, how many, and what was asked before."""

import json

from sqlalchemy import text

from app.rights import processing_record
from core.db import transaction
from core.settings import settings
from tests.delivery import sending
from tests.smtp_sink import Sink


def purpose(name: str) -> dict:
    with transaction() as session:
        found = processing_record.record(session)
    return next(one for one in found["purposes"] if one["purpose"] == name)


def test_the_register_counts_people_by_the_basis_of_what_went_out(database, monkeypatch):
    with Sink() as sink:
        monkeypatch.setenv("CRUSOE_SMTP_URL", sink.url)
        settings.cache_clear()
        sending.campaign(3)
        with transaction() as session:
            session.execute(text("UPDATE consent SET withdrawn_at = now() WHERE id = 1"))
        assert purpose("newsletter")["used"] == []
        assert sending.worker().run() is False
    known = purpose("newsletter")
    (used,) = known["used"]
    assert (used["channel"], used["controller"], used["people"]) == ("email", "Shop", 2)
    assert str(used["basis"]).startswith("Consent")
    (given,) = known["bases"]
    assert (given["people"], given["channel"], given["controller"]) == (2, "email", "Shop")
    assert "at.ecg.file" in json.dumps(known["lists"])
    assert all(one["days"] for one in known["retention"])
    with transaction() as session:
        found = processing_record.record(session)
    for locale, words in (("en", "On which basis people were written to"), ("de", "Auf welcher Grundlage")):
        assert words in processing_record.as_page(found, locale=locale).decode()


def test_the_register_names_the_name_server_that_is_asked_about_domains(database, monkeypatch):
    told = {}
    for wanted in ("1", "0"):
        monkeypatch.setenv("CRUSOE_RESOLVER", "127.0.0.53")
        monkeypatch.setenv("CRUSOE_OPERATOR_LOOKUPS", wanted)
        settings.cache_clear()
        with transaction() as session:
            told[wanted] = [one["to"] for one in processing_record.record(session)["recipients"]]
    assert ("127.0.0.53" in told["1"], "127.0.0.53" in told["0"]) == (True, False)
