"""The address that providers call: open to anybody, and only a signed call does anything."""

import pytest

from app.web import create_app
from core.db import transaction
from delivery import TransportPlan, save_transport
from tests.delivery.conftest import listen, sink  # noqa: F401 - fixtures
from tests.delivery.providers.calls import CALLERS, Event
from tests.delivery.providers.test_calls import name_of
from tests.delivery.sending import campaign, rows, worker


@pytest.fixture
def client(database, broker):
    return create_app().test_client()


def test_a_call_is_answered_once_it_holds(client, sink):  # noqa: F811
    campaign(2)
    worker().run()
    first, second = [row.id for row in rows("SELECT id FROM message ORDER BY id")]
    caller = CALLERS["postmark"]
    plan = TransportPlan(code="pm", sender="news", kind="postmark", secret="s", hook_secret=caller.hook_secret)  # noqa: S106
    with transaction() as session:
        save_transport(session, plan=plan)

    def posted(event: Event, path: str = "/hooks/postmark/pm", **options):
        headers, body = caller.call(event, **options)
        answer = client.post(path, headers=headers, data=body, content_type="application/json")
        return answer.status_code, answer.json

    complaint = Event("complaint", name_of(first))
    assert posted(complaint, forge=True)[0] == 403
    assert posted(complaint, "/hooks/postmark/other")[0] == 404
    assert posted(complaint, "/hooks/mailjet/pm")[0] == 404
    assert rows("SELECT * FROM suppression_entry") == []
    assert posted(complaint) == (200, {"taken": 1, "known": 0, "old": 0, "foreign": 0})
    assert posted(complaint) == (200, {"taken": 0, "known": 1, "old": 0, "foreign": 0})
    wish = Event("unsubscribe", name_of(second), "p1@mail.example", "2")
    assert posted(wish)[1]["taken"] == 1
    assert posted(wish)[1]["known"] == 1
    entries = rows("SELECT cause, source, purpose FROM suppression_entry ORDER BY id")
    assert [tuple(one) for one in entries] == [
        ("complaint", "returned_mail", None),
        ("opted_out", "provider", "newsletter"),
    ]
    assert rows("SELECT count(*) FROM event WHERE kind = 'unsubscribe'") == [(1,)]
    assert client.post("/hooks/postmark/pm", data=b"x" * (1 << 20) + b"x").status_code == 413
    assert client.get("/hooks/postmark/pm").status_code == 405
