"""What strangers try on the pages that need no log-in."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from contacts.consent_models import ConsentEvent, ConsentPage
from core.db import transaction
from core.settings import settings
from preferences.models import SignupRequest
from suppression import Cause, add
from suppression.models import SuppressionEntry
from tests import factories
from tests.delivery.sending import worker
from tests.preferences import scene
from tests.smtp_sink import Sink
from tracking import Purpose, make_id_token


@pytest.fixture
def sink(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    with Sink() as made:
        monkeypatch.setenv("CRUSOE_SMTP_URL", made.url)
        settings.cache_clear()
        yield made


def _count(model) -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize("cause", [Cause.COMPLAINT, Cause.HARD_BOUNCE, Cause.INTERNAL_BLOCK])
def test_a_form_brings_no_mail_to_who_complained_is_dead_or_is_blocked(client, sink, cause):
    scene.form()
    with transaction() as session:
        address_id = factories.people(session, ["ann"])["ann"]
        add(session, address_id=address_id, cause=cause, at=datetime.now(UTC), source="test")
    assert "mailbox" in scene.words(scene.sign_up(client, "ann@mail.example"))
    worker().run()
    assert sink.taken == []


def test_another_host_in_the_request_comes_into_no_mail_and_no_evidence(client, sink):
    scene.form()
    shown = scene.form_shown(client)
    fields = {"email": "ann@mail.example", "consent": "yes", "website": "", "shown": shown}
    client.post("/s/news", data=fields, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    worker().run()
    assert b"evil.example" not in sink.taken[0].content
    with transaction() as session:
        assert "evil.example" not in str(session.scalars(select(ConsentEvent.evidence)).all())


@pytest.mark.parametrize("path", ["/u/ann@mail.example", "/u/1", "/u/..%2F..%2Fetc", "/p/ann@mail.example"])
def test_an_address_or_a_number_in_place_of_a_token_stops_and_shows_nothing(client, path):
    scene.mail_to("ann")
    answer = client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code in {200, 404}
    assert b"ann@" not in answer.get_data()
    assert _count(SuppressionEntry) == 0


def test_a_huge_form_is_refused_before_it_is_read(client):
    scene.form()
    answer = scene.sign_up(client, "a" * 100_000 + "@mail.example")
    assert answer.status_code == 413
    assert _count(SignupRequest) == 0


def test_a_token_of_one_kind_opens_no_page_of_another(client):
    scene.form()
    scene.sign_up(client, "ann@mail.example")
    with transaction() as session:
        confirmation = make_id_token(session.scalars(select(SignupRequest.id)).one())
    tokens = scene.mail_to("ben")
    assert client.post(f"/k/{tokens[Purpose.UNSUBSCRIBE]}").status_code == 404
    assert client.get(f"/p/{confirmation}").status_code == 404
    client.post(f"/u/{confirmation}", data={"List-Unsubscribe": "One-Click"})
    assert _count(SuppressionEntry) == 0


def test_only_the_token_whose_digest_is_stored_confirms(client):
    """Even one that our own key signed is not enough."""
    scene.form()
    scene.sign_up(client, "ann@mail.example")
    with transaction() as session:
        request = session.scalars(select(SignupRequest)).one()
        request.token_sha256 = bytes(32)
    assert scene.confirm(client, make_id_token(request.id)).status_code == 404
    assert scene.confirm(client, make_id_token(4711)).status_code == 404


def test_a_thousand_looks_at_a_form_store_nothing(client):
    scene.form()
    for number in range(20):
        client.get(f"/s/news?lang={number}", headers={"Accept-Language": f"x-{number}"})
    for number in range(20):
        scene.sign_up(client, "no address", lang=str(number))
    assert _count(SignupRequest) == 0
    assert _count(ConsentPage) <= 2


def test_the_page_shown_for_one_link_is_no_proof_for_another(client):
    scene.form()
    for name in ("ann", "ben"):
        scene.sign_up(client, f"{name}@mail.example")
    with transaction() as session:
        ann, ben = (make_id_token(number) for number in session.scalars(select(SignupRequest.id).order_by("id")))
    client.post(f"/k/{ben}", data={"shown": scene.shown(f"k/{ann}")})
    with transaction() as session:
        assert "landing_viewed" not in session.scalars(select(ConsentEvent.step)).all()
