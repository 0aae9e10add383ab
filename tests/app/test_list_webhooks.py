"""Other systems hear that a do-not-contact list grows old: signed, once, and nothing about persons."""

import json
from datetime import timedelta
from hashlib import sha1

import pytest
import time_machine
from click.testing import CliRunner
from sqlalchemy import select
from standardwebhooks import Webhook

from app.apply.documents import current_webhook, write_webhook
from app.list_webhooks import tell_of_lists
from core import clock
from core.db import transaction
from core.errors import WrongInput
from core.settings import settings
from lead_handover import save_webhook_target, webhook
from lead_handover.cli import leads_group
from lead_handover.models import Outbox
from lead_handover.posting import post_due
from lead_handover.retention import TOLD
from suppression import import_list
from tests.lead_handover.receiver import receiving

BOTH = ("list.due", "list.outdated")


def told(*, days: int) -> int:
    with transaction() as session:
        return tell_of_lists(session, now=clock.now() + timedelta(days=days))


def target(name: str, url: str, **more) -> None:
    with transaction() as session:
        save_webhook_target(session, name=name, url=url, actor="mia@shop.example", loopback=True, **more)


def load(folder, name: bytes = b"somebody@one.example"):
    file = folder / "list.hash"
    file.write_bytes(sha1(name).digest())  # noqa: S324 - their format
    return import_list(path=file, list_id="at.ecg.file", actor="test")


def test_a_list_that_grows_old_is_told_once_for_each_version_and_state(database, home, tmp_path):
    with receiving() as server:
        target("crm", server.url)
        target("watch", server.url, events=BOTH)
        target("late", server.url, events=["list.outdated"])
        target("off", server.url, events=BOTH, active=False)
        assert told(days=31) == 0
        version = load(tmp_path)
        assert [told(days=days) for days in (0, 25, 25, 31, 31)] == [0, 1, 0, 2, 0]
        server.answers = [500]
        with time_machine.travel(clock.now() + timedelta(days=31)):
            post_due()
            assert len(server.heard) == 3
            bodies = {headers["webhook-id"]: (headers, body) for _path, headers, body in server.heard}
            headers, body = bodies[f"list-{version.version}-due-webhook-watch"]
            heard = Webhook(webhook.secret("watch")).verify(body, headers)
    assert heard["type"] == "list.due"
    assert heard["data"] == {
        "list": "at.ecg.file",
        "title": heard["data"]["title"],
        "version": version.version,
        "published_at": version.published_at.isoformat(),
        "outdated_from": (version.published_at + timedelta(days=30)).isoformat(),
        "url": f"{settings().public_url}/lists/at.ecg.file",
    }
    assert sorted(json.loads(body)["type"] for _headers, body in bodies.values()) == ["list.due", *BOTH[1:] * 2]
    with transaction() as session:
        (waiting,) = session.scalars(select(Outbox).where(Outbox.delivered_at.is_(None)))
        assert waiting.last_answer == "HTTP 500"
        # What was told of lists stays longer than what was told of leads; else it would be told anew one day.
        assert TOLD.remove(session, clock.now() + timedelta(days=1000), 100) == 0
    assert told(days=31) == 0


def test_who_hears_of_lists_is_set_where_webhooks_are_set(database, home):
    shown = CliRunner().invoke(
        leads_group, ["webhook", "watch", "https://watch.example/x", "--event", "list.due", "--json"]
    )
    assert json.loads(shown.stdout)["events"] == ["list.due"]
    with transaction() as session:
        values = {"name": "watch", "url": "https://watch.example/x", "loopback": False, "events": ["list.due"]}
        assert current_webhook(session, values) == values
        write_webhook(session, values | {"events": list(BOTH)}, "mia@shop.example")
        assert current_webhook(session, values) == values | {"events": list(BOTH)}
        with pytest.raises(WrongInput, match=r"list\.lost"):
            save_webhook_target(session, name="x", url="https://x.example", actor="a", events=["list.lost"])
