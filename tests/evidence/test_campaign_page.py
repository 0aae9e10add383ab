"""Bundles about campaigns on their page: asked for, made by a worker, fetched by those who may, gone after a week."""

import io
import os
import zipfile

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from app.evidence import bundle_jobs
from app.evidence import verify as verifier
from app.evidence.models import BundleJob
from app.evidence.tasks import make_bundles, tidy_bundles
from app.web import create_app
from core.audit import AuditEvent
from core.db import transaction
from core.permissions import Role
from core.users import User
from tests import world
from tests.browsing import PASSWORD, form_token, post


@pytest.fixture
def app(database, broker) -> Flask:
    world.make()
    return create_app()


def person(app: Flask, role: Role):
    client = app.test_client()
    form = {"email": f"{role}@crew.example", "password": PASSWORD, "csrf_token": form_token(client)}
    assert client.post("/sign-in", data=form).status_code == 302
    return client


def test_compliance_has_a_bundle_made_watches_it_and_takes_it(app, tmp_path):
    client = person(app, Role.COMPLIANCE)
    assert "/campaigns/summer/evidence" in client.get("/campaigns/summer").text
    assert post(client, "/campaigns/summer/evidence", with_addresses="1").status_code == 302
    assert "waits for its turn" in client.get("/campaigns/summer/evidence").text
    assert 'hx-trigger="every 1s"' in client.get("/campaigns/summer/evidence/progress").text
    assert make_bundles.run() is True
    assert make_bundles.run() is False
    page = client.get("/campaigns/summer/evidence").text
    assert "hx-trigger" not in page
    assert "Download" in page
    for locale, words in (("de", "Herunterladen"), ("en", "Download")):
        with transaction() as session:
            session.execute(update(User).values(locale=locale))
        assert words in client.get("/campaigns/summer/evidence").text
    answer = post(client, "/campaigns/summer/evidence/1")
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        archive.extractall(tmp_path / "there")
    assert verifier.verify(tmp_path / "there")["findings"] == []
    assert b"ada@mail.example" in (tmp_path / "there" / "messages.jsonl").read_bytes()
    with transaction() as session:
        noted = session.scalars(select(AuditEvent).where(AuditEvent.action.like("evidence.%")).order_by(AuditEvent.id))
        assert [one.action for one in noted][-1] == "evidence.taken"
    # A week later it is gone, and the page says so.
    tidy_bundles.run()
    path = bundle_jobs.file_of(1)
    assert path.is_file()
    os.utime(path, (0, 0))
    tidy_bundles.run()
    assert not path.exists()
    assert "removed after 7 days" in client.get("/campaigns/summer/evidence").text
    assert post(client, "/campaigns/summer/evidence/1").status_code == 404


def test_addresses_are_for_those_who_may_export_contacts(app):
    """Release sees the audit log, but takes no addresses out."""
    client = person(app, Role.RELEASER)
    assert "with_addresses" not in client.get("/campaigns/summer/evidence").text
    assert post(client, "/campaigns/summer/evidence", with_addresses="1").status_code == 403
    assert make_bundles.run() is False
    post(person(app, Role.COMPLIANCE), "/campaigns/summer/evidence", with_addresses="1")
    post(client, "/campaigns/summer/evidence")
    assert [make_bundles.run() for _ in range(3)] == [True, True, False]
    assert post(client, "/campaigns/summer/evidence/1").status_code == 403
    assert post(client, "/campaigns/summer/evidence/2").status_code == 200
    assert post(client, "/campaigns/autumn/evidence/2").status_code == 404
    assert person(app, Role.MARKETER).get("/campaigns/summer/evidence").status_code == 403


def test_what_goes_wrong_becomes_a_sentence_and_leaves_nothing_behind(app):
    client = person(app, Role.COMPLIANCE)
    post(client, "/campaigns/summer/evidence")
    with transaction() as session:
        taken = bundle_jobs.take(session)
        session.execute(text("UPDATE campaign SET code = 'renamed' WHERE code = 'summer'"))
    bundle_jobs.make(taken)
    with transaction() as session:
        job = session.scalars(select(BundleJob)).one()
    assert (job.state, job.error["code"]) == ("failed", "campaign_unknown")
    assert list(bundle_jobs.folder().iterdir()) == []
    assert "There is no campaign summer." in client.get("/campaigns/renamed/evidence").text
    # One that ends its workers again and again is given up.
    post(client, "/campaigns/renamed/evidence")
    for _ in range(bundle_jobs.MOST_ATTEMPTS):
        with transaction() as session:
            assert bundle_jobs.take(session) is not None
    assert make_bundles.run() is False
    assert "was lost 3 times" in client.get("/campaigns/renamed/evidence").text
