"""Whoever carries mail stands among those to whom data go: every transport of a sender, else its one server."""

from datetime import timedelta

from app.rights.export import carriers
from core import clock, retention
from core.db import transaction
from delivery import TransportPlan, save_transport
from tests.delivery.sending import rows
from tests.factories import sender

SECRET = {"secret": "s"}


def test_every_carrier_is_named_without_its_secrets(database):
    with transaction() as session:
        sender(session, "one", transport_url="smtp://user:pass@one.example")
        sender(session, "several")
        api = TransportPlan(code="api", sender="several", kind="mailgun", settings={"domain": "m"}, **SECRET)
        own = TransportPlan(
            code="own",
            sender="several",
            kind="postal",
            url="https://postal.example",
            **SECRET,
            enabled=False,
        )
        relay = TransportPlan(code="relay", sender="several", kind="smtp", url="smtp://relay.example:2525")
        for plan in (api, own, relay):
            save_transport(session, plan=plan)
        found = [carrier for carrier, _ in carriers(session)]
    assert found == ["one.example", "mailgun", "postal postal.example", "relay.example"]


def test_what_was_taken_in_is_remembered_for_its_term_only(database):
    with transaction() as session:
        sender(session)
        save_transport(session, plan=TransportPlan(code="relay", sender="news", kind="smtp", url="smtp://r.example"))
    rows(
        "INSERT INTO provider_call SELECT t.id, digest, now() - age FROM transport t, (VALUES"
        " ('\\x01'::bytea, interval '41 days'), ('\\x02', interval '39 days')) AS old (digest, age) RETURNING 1"
    )
    kind = retention.KINDS["provider_calls"]
    with transaction() as session:
        before = clock.now() - timedelta(days=kind.days)
        assert kind.due(session, before) == 1
        assert kind.remove(session, before, 10) == 1
        assert kind.due(session, before) == 0
    assert rows("SELECT digest FROM provider_call") == [(b"\x02",)]
